"""A container engine for tests, by podman and runc: its storage and settings lie in one folder, and go with it."""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import psutil

TOOLS = ("podman", "runc", "debootstrap")
SETTINGS = """\
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
"""
SUITE = "bookworm"  # of Debian, whose Python is 3.11
PIP_OPTIONS = ("index-url", "extra-index-url", "find-links", "trusted-host", "timeout")
LONGEST = 1800  # seconds that anything may take
PIP_FOLDER = Path("/etc/xdg/pip")  # where pip looks for settings of the whole machine


class CheckError(Exception):
    """Something is not as it has to be; the message says what."""


def install_tools() -> None:
    """Install podman, runc and debootstrap from Debian where they are missing.

    Raises
    ------
    CheckError
        If they are missing and cannot be installed.
    """
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if os.getuid() != 0:
        raise CheckError("this check runs podman and debootstrap as root; run it as root")
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise CheckError(f"{', '.join(missing)} not installed, and no apt-get here to install with")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    said = ""
    # an update that fails for another repository's sake does no harm; what cannot be installed does
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environment, capture_output=True, text=True)
        said += done.stdout + done.stderr
    if done.returncode:
        raise CheckError(f"{', '.join(missing)} cannot be installed:\n{said}")


class Engine:
    """podman, with all it keeps in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        settings = folder / "containers.conf"
        settings.write_text(SETTINGS)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(settings), "TMPDIR": str(folder)}
        self.podman = ["podman", "--root", str(folder / "storage"), "--runroot", str(folder / "state")]

    def start(self, *arguments: str, **options) -> subprocess.Popen:
        """Start podman with some arguments; `options` are those of Popen."""
        return subprocess.Popen([*self.podman, *arguments], env=self.environment, text=True, **options)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run podman with some arguments; return its exit code and all it printed."""
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said, _ = process.communicate(timeout=LONGEST)
        except BaseException:  # what they work in is about to be removed
            below = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            for other in below:
                with suppress(psutil.NoSuchProcess):
                    other.kill()
            process.wait()
            psutil.wait_procs(below, timeout=10)
            raise
        return process.returncode, said

    def ask(self, *arguments: str) -> str:
        """Return what podman prints; raise CheckError if it fails."""
        code, said = self.run(*arguments)
        if code:
            raise CheckError(f"podman {' '.join(arguments)}: exit code {code}\n{said[-6000:]}")
        return said.strip()

    def has(self, image: str) -> bool:
        """Return whether there is an image of this name."""
        return self.start("image", "exists", image).wait() == 0

    def make_base(self, image: str) -> None:
        """Make a minimal Debian, as a base to build on where no image registry is in reach."""
        root = self.folder / SUITE
        done = subprocess.run(["debootstrap", "--variant=minbase", SUITE, root], capture_output=True, text=True)
        if done.returncode:
            raise CheckError(f"debootstrap failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        tar = subprocess.Popen(["tar", "--directory", root, "--create", "."], stdout=subprocess.PIPE)
        imported = self.start("import", "--quiet", "-", image, stdin=tar.stdout, stdout=subprocess.DEVNULL)
        if imported.wait() or tar.wait():
            raise CheckError("the stand-in base could not be imported")
        shutil.rmtree(root)

    def build(self, context: Path, target: str, image: str, arguments: dict[str, str]) -> None:
        """Build a target of a folder's Dockerfile, with the pip settings of this machine."""
        with tempfile.TemporaryDirectory(dir=self.folder) as settings:
            mounts = pip_mounts(pip_settings(), Path(settings))
            volumes = [word for source, goal in mounts.items() for word in ("--volume", f"{source}:{goal}:ro")]
            given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
            how = ["--pull=never", "--format", "docker", "--network", "host"]
            self.ask("build", *how, *volumes, *given, "--target", target, "--tag", image, str(context))

    def clean(self) -> None:
        """Remove all containers, volumes and images."""
        self.start("rm", "--all", "--force", "--volumes", "--time", "1", stdout=subprocess.DEVNULL).wait()
        self.start("rmi", "--all", "--force", stdout=subprocess.DEVNULL).wait()


def pip_settings() -> dict[str, str]:
    """Return the settings of pip that say where packages come from: of its files and of the environment."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        name = name.rpartition(".")[2]
        if name in (*PIP_OPTIONS, "cert"):
            found[name] = ast.literal_eval(value)
    return found


def pip_mounts(settings: dict[str, str], folder: Path) -> dict[Path, Path]:
    """Write settings of pip into a folder; return it and all folders that they name, with their places in a build."""
    lines = [f"{name} = {' '.join(settings[name].split())}" for name in PIP_OPTIONS if name in settings]
    if "cert" in settings:
        shutil.copy(settings["cert"], folder / "certificates.pem")
        lines.append(f"cert = {PIP_FOLDER / 'certificates.pem'}")
    (folder / "pip.conf").write_text("\n".join(["[global]", *lines, ""]))
    mounts = {folder: PIP_FOLDER}
    for word in settings.get("find-links", "").split():
        mounts |= _local(word, lambda place: place)
    for name in ("index-url", "extra-index-url"):
        for word in settings.get(name, "").split():
            mounts |= _local(word, lambda place: place.parent)  # an index points to files beside itself
    return mounts


def _local(word: str, place_of) -> dict[Path, Path]:
    """Return the mount of a local folder, given by its path or as a file URL; nothing for what is elsewhere."""
    path = Path(url2pathname(urlparse(word).path)) if word.startswith("file:") else Path(word)
    return {place_of(path): place_of(path)} if path.is_absolute() and path.is_dir() else {}


@contextmanager
def engine(keep: Path | None = None) -> Iterator[Engine]:
    """Yield an engine in a temporary folder, or in `keep`, which stays: for work on the Dockerfile."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield Engine(keep)
        return
    with tempfile.TemporaryDirectory(prefix="container-check-") as folder:
        made = Engine(Path(folder))
        try:
            yield made
        finally:
            made.clean()
