"""Kill -9 all over the pipeline at smoke scale: are the results those of an undisturbed run, and is nothing left over?

    python tests/robustness/kills.py --kills 50 --out results/robustness.json

Two copies of the checkout: in one `dvc repro` runs undisturbed; in the other it and all its processes are killed at
random moments of every stage, and started again each time as `analysis reproduce` starts it. Then all that the pipeline
made is compared: every number, table and figure, and the weights, bit by bit; only times, which no two runs share, are
left out.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import yaml
from PIL import Image
from safetensors.torch import load_file

from analysis import paths, scale_copies
from analysis.reproduce import mend_locks, pull_survey

MADE = ("features", "models", "results", "paper/figures")  # the paper prints times; its numbers are those of results
# of keys and columns: what no two runs share
TIMES = re.compile(r"seconds|_per_second|^compute$|^cost$|^cost_ratio$|^peak_gib$")
DRAWN_TIMES = ("paper/figures/fig-learners.png",)
MEAN_WAIT = 4.0  # seconds from the start of a stage to a kill, drawn from an exponential distribution
RUNNING = re.compile(r"Running stage '(.+)'")


def copy_at_smoke(folder: Path) -> Path:
    """Make a copy of the checkout at smoke scale."""
    copy = folder / "compendium"
    scale_copies.copy_checkout(paths.ROOT, copy)
    scale_copies.lay_scale_over(copy, "smoke")
    pull_survey(copy)
    return copy


def start(copy: Path, *arguments: str) -> subprocess.Popen:
    """Start `dvc repro` with processes of its own group."""
    (copy.parent / "tmp").mkdir(exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    own = {"PATH": path, "PYTHONPATH": str(copy), "PYTHONUNBUFFERED": "1", "TMPDIR": str(copy.parent / "tmp")}
    return subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", *arguments],
        cwd=copy,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill_all_of(process: subprocess.Popen) -> None:
    """Kill a process and what it started, and wait until none is left: to DVC, a lock of a live process holds."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        while True:
            os.killpg(process.pid, 0)
            time.sleep(0.05)


def run_until_killed(copy: Path, plan: dict[str, list[float]], *arguments: str) -> str | None:
    """Run until the next kill of a plan (waits in seconds by stage); return the stage killed, None if the run ended.

    Raises
    ------
    RuntimeError
        If the run failed by itself.
    """
    process = start(copy, *arguments)
    said, stage, timer = [], None, None
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        found = RUNNING.search(line)
        if found and timer is None and plan.get(found[1]):
            stage = found[1]
            timer = threading.Timer(plan[stage][-1], kill_all_of, [process])
            timer.start()
    status = process.wait()
    if timer:
        timer.cancel()
        timer.join()
    if status == -signal.SIGKILL and stage:
        plan[stage].pop()
        return stage
    if status:
        raise RuntimeError(f"dvc repro ended with exit code {status} in {copy}:\n{''.join(said[-40:])}")
    if stage:  # quicker than its kill
        plan[stage][-1] /= 2
    return None


def kill_often(copy: Path, kills: int, seed: int) -> list[str]:
    """Run the pipeline to its end with so many kills; return the stages that were killed, in order."""
    moments = random.Random(seed)
    stages = list(yaml.safe_load((copy / "dvc.yaml").read_text())["stages"])
    plan: dict[str, list[float]] = {}
    for number in range(kills):  # every stage once before any twice
        if number % len(stages) == 0:
            moments.shuffle(stages)
        plan.setdefault(stages[number % len(stages)], []).append(moments.expovariate(1 / MEAN_WAIT))
    killed, arguments = [], []
    while len(killed) < kills:
        mend_locks(copy)
        stage = run_until_killed(copy, plan, *arguments)
        arguments = []
        if stage:
            killed.append(stage)
            print(f"{len(killed)} of {kills} kills: {stage}", flush=True)
        else:  # the run has ended: those that are left hit a stage that runs once more
            arguments = ["--force", "--single-item", next(name for name, waits in plan.items() if waits)]
    mend_locks(copy)
    run_until_killed(copy, {})
    return killed


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names and values of nested metrics, without times."""
    if TIMES.search(name.rpartition("/")[2]):
        return
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, f"{name}/{key}")
    else:
        yield name, repr(value)


def contents(file: Path) -> Any:
    """Return what a file holds, bit by bit, but for times, and for what libraries say of the writing itself."""
    if file.suffix == ".json":
        held = json.loads(file.read_text())
        return dict(leaves({row["id"]: row for row in held} if isinstance(held, list) else held))  # or claims
    if file.suffix == ".png":  # its text says what it was drawn from, and so of times, too
        with Image.open(file) as picture:
            return picture.convert("RGBA").tobytes()
    if file.suffix == ".csv":
        table = pd.read_csv(file, dtype=str)
        return table[[name for name in table if not TIMES.search(name)]].to_csv()
    if file.suffix == ".safetensors":
        return {name: tensor.numpy().tobytes() for name, tensor in load_file(file).items()}
    if file.suffix == ".h5":
        with h5py.File(file) as opened:
            found: dict[str, bytes] = {}
            opened.visititems(lambda name, node: found.update({name: _bits(node)}))
            return found
    if zipfile.is_zipfile(file):  # of skops: arrays named by where they were in memory
        with zipfile.ZipFile(file) as archive:
            return sorted(item.CRC for item in archive.infolist() if item.filename.endswith(".npy"))
    return file.read_bytes()


def _bits(node: h5py.Group | h5py.Dataset) -> bytes:
    return node[()].tobytes() if isinstance(node, h5py.Dataset) else b""


def files_made(root: Path) -> set[Path]:
    """List what the pipeline made in a checkout, and can be compared."""
    files = {file.relative_to(root) for made in MADE for file in (root / made).rglob("*") if file.is_file()}
    return files - {Path(name) for name in DRAWN_TIMES}


def differences(one: Path, other: Path) -> list[str]:
    """List the files that two runs did not make alike."""
    files = files_made(one), files_made(other)
    alone = files[0] ^ files[1]
    unlike = [file for file in sorted(files[0] & files[1]) if contents(one / file) != contents(other / file)]
    return [str(file) for file in (*sorted(alone), *unlike)]


def half_written(copy: Path) -> list[str]:
    """List what a killed writer left in a checkout."""
    found = [path for pattern in ("*.incomplete", "*.unfinished") for path in copy.rglob(pattern)]
    return [str(path.relative_to(copy)) for path in found if not path.is_relative_to(copy / ".git")]


def measure(kills: int, seed: int, undisturbed: Path | None) -> dict[str, Any]:
    """Return how often was killed, in which stages, and what differs or is left over in the end."""
    with tempfile.TemporaryDirectory(prefix="compendium-kills-") as folder:
        if undisturbed is None:
            (Path(folder) / "whole").mkdir()
            undisturbed = copy_at_smoke(Path(folder) / "whole")
            run_until_killed(undisturbed, {})
        (Path(folder) / "killed").mkdir()
        copy = copy_at_smoke(Path(folder) / "killed")
        killed = kill_often(copy, kills, seed)
        differ, left = differences(undisturbed, copy), half_written(copy)
        return {
            "kills": len(killed),
            "stages_killed": len(set(killed)),
            "stages": len(yaml.safe_load((copy / "dvc.yaml").read_text())["stages"]),
            "files_compared": len(files_made(copy)),
            "files_that_differ": len(differ),
            "half_written": len(left),
            "which": differ + left,
        }


def main() -> int:
    """Kill, compare, and say what was found; exit code 1 unless all is alike and nothing is left over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file in which to note what was found, beside what it holds")
    parser.add_argument("--undisturbed", type=Path, help="a checkout that has run at smoke scale (default: run it)")
    options = parser.parse_args()
    found = measure(options.kills, options.seed, options.undisturbed)
    print(json.dumps(found, indent=1))
    if options.out:
        known = json.loads(options.out.read_text()) if options.out.is_file() else {}
        options.out.write_text(json.dumps(known | {"kills": found}, indent=1, sort_keys=True) + "\n")
    return int(bool(found["which"]))


if __name__ == "__main__":
    sys.exit(main())
