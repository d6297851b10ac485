"""A full or read-only disk, no permission, a flipped bit, two runs at once, files from a wrong clock.

The right answer or a clear error; never a wrong answer, and never something half-written.
"""

import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import pytest
import small_pipeline
import yaml
from malformed import COLUMNS, MAP, write

from analysis import reproduce
from analysis.__main__ import main
from analysis.errors import InputError

NOBODY = 65534  # a user without rights


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Callable[[str], None]]:
    """Mount a small file system, or skip; yields what mounts it anew with other options."""
    place.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here, so a full disk was not tested: {mounted.stderr.decode()}")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", place], check=True) and None
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def table(tmp_path, monkeypatch) -> Path:
    """A folder with a table of 20,000 objects and its map, which is the working folder."""
    columns = {name: list(values) * 7000 for name, values in COLUMNS.items()}
    columns["id"] = list(range(len(columns["id"])))
    write(tmp_path / "table", "csv", columns)
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(MAP))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ingest(out: Path) -> tuple[int, str]:
    """Bring the table in; return the exit code and what was said."""
    said = io.StringIO()
    with redirect_stderr(said):
        code = main(["survey", "ingest", "table", "--columns", "map.yaml", "--out", str(out)])
    return code, said.getvalue()


def test_a_full_disk(table, outcomes):
    with small_disk(table / "disk", "64k") as remount:
        code, said = ingest(Path("disk/out"))
        assert code == 2
        assert "error [cannot-write]: nothing more can be written" in said
        assert not list(Path("disk").iterdir())  # and nothing half-written
        remount("size=16m")
        assert ingest(Path("disk/out"))[0] == 0
    outcomes["circumstances"].append(("disk full, survey ingest", "clear error"))


def test_a_read_only_disk(table, outcomes):
    with small_disk(table / "disk", "1m") as remount:
        remount("ro")
        code, said = ingest(Path("disk/out"))
        assert code == 2
        assert "error [cannot-write]: disk/out: cannot be made" in said
    outcomes["circumstances"].append(("read-only disk, survey ingest", "clear error"))


def _as_nobody(arguments: list[str], answer: multiprocessing.Queue) -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    said = io.StringIO()
    with redirect_stderr(said):
        code = main(arguments)
    answer.put((code, said.getvalue()))


@pytest.mark.parametrize(("what", "mode"), [("folder to write to", 0o555), ("table to read", 0o000)])
def test_no_permission(table, what, mode, outcomes):
    """A process without rights: a copy of this one, which has imported all that it needs, for root may do anything."""
    assert ingest(table / "first")[0] == 0
    for folder in (table, *table.parents[:2]):
        folder.chmod(0o755)
    (table / "closed").mkdir()
    (table / ("closed" if what.startswith("folder") else "table")).chmod(mode)
    forked = multiprocessing.get_context("fork")
    answer = forked.Queue()
    out = "closed/out" if what.startswith("folder") else "closed/../open/out"
    (table / "open").mkdir(mode=0o777)
    (table / "open").chmod(0o777)
    arguments = ["survey", "ingest", "table", "--columns", "map.yaml", "--out", out]
    process = forked.Process(target=_as_nobody, args=(arguments, answer))
    process.start()
    code, said = answer.get(timeout=60)
    process.join()
    assert code == 2
    assert "Permission denied" in said and "error [" in said
    assert not list((table / "closed").iterdir()) and not list((table / "open").iterdir())
    outcomes["circumstances"].append((f"no permission, {what}", "clear error"))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return small_pipeline.make(tmp_path_factory.mktemp("pipeline") / "checkout")


@pytest.fixture
def checkout(made, tmp_path) -> Path:
    """A checkout whose pipeline of two stages has run."""
    shutil.copytree(made, tmp_path / "checkout", symlinks=True)
    return tmp_path / "checkout"


def result(root: Path) -> str:
    return (root / "result").read_text().strip()


def test_a_bit_of_a_cached_object_flips(checkout, outcomes):
    """DVC itself does not notice, and would check out the damaged model: so `reproduce` looks before it runs."""
    reproduce.check_cache(checkout)
    digest = yaml.safe_load((checkout / "dvc.lock").read_text())["stages"]["first"]["outs"][0]["md5"]
    cached = checkout / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    raw = bytearray(cached.read_bytes())
    raw[0] ^= 1
    cached.chmod(0o644)
    cached.write_bytes(raw)
    cached.chmod(0o444)
    with pytest.raises(InputError, match=f"{digest[2:]}: damaged: its MD5 is .*delete it") as error:
        reproduce.run_pipeline(checkout)
    assert error.value.kind == "checksum"
    cached.unlink()  # as the message says
    (checkout / "model").unlink()
    assert small_pipeline.dvc(checkout, "repro").returncode == 0
    assert (checkout / "model").read_text() == "stars one"
    outcomes["circumstances"].append(("a bit of a cached object flipped", "clear error"))


@pytest.mark.parametrize("left", [0.0, 0.5], ids=["nothing", "half"])
def test_a_lock_cut_short_by_a_kill(checkout, left, outcomes):
    """DVC refuses it, in one line; `reproduce` brings the committed one back, and the answer is right."""
    lock = checkout / "dvc.lock"
    whole = lock.read_text()
    lock.write_text(whole[: int(left * len(whole))])
    (checkout / "data/catalogue").write_text("moons")
    assert reproduce.mend_locks(checkout) == [lock] or left
    assert small_pipeline.dvc(checkout, "repro").returncode == 0
    assert result(checkout) == "MOONS ONE"
    assert not reproduce.mend_locks(checkout)
    outcomes["circumstances"].append((f"dvc.lock cut, {left:g} of it left", "right answer"))


def test_the_list_of_readers_and_writers_cut_short_by_a_kill(checkout, outcomes):
    """DVC writes it in place, many times a stage, and refuses it where it is cut."""
    listed = checkout / ".dvc/tmp/rwlock"
    killed = {"pid": 2**22, "cmd": "dvc repro"}  # more than any process has
    whole = json.dumps({"read": {}, "write": {str(checkout / "data"): killed}})
    (checkout / "data/catalogue").write_text("moons")
    listed.write_text(whole[: len(whole) // 2])
    assert "JSON structure is corrupted" in small_pipeline.dvc(checkout, "repro").stdout
    assert reproduce.mend_locks(checkout) == [listed]
    listed.write_text(whole)  # of one that was killed, but whole: DVC strikes it
    assert reproduce.mend_locks(checkout) == []
    assert small_pipeline.dvc(checkout, "repro").returncode == 0
    assert result(checkout) == "MOONS ONE"
    outcomes["circumstances"].append(("list of readers and writers cut", "right answer"))


def test_two_runs_at_once(checkout, outcomes):
    slow = "import time; open('begun', 'w'); time.sleep(8)\n"
    (checkout / "first.py").write_text(slow + small_pipeline.FIRST)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    first = subprocess.Popen([sys.executable, "-m", "dvc", "repro", "-q"], cwd=checkout, env=environment)
    while not (checkout / "begun").exists():
        assert first.poll() is None
        time.sleep(0.05)
    second = small_pipeline.dvc(checkout, "repro")
    assert first.wait() == 0
    if second.returncode:  # the usual end; a slow start of the second comes after the first
        assert "is busy" in second.stdout or "Unable to acquire lock" in second.stdout
    assert result(checkout) == "STARS ONE"
    assert small_pipeline.dvc(checkout, "repro").returncode == 0
    assert result(checkout) == "STARS ONE"
    outcomes["circumstances"].append(("two dvc repro at once", "clear error" if second.returncode else "right answer"))


@pytest.mark.parametrize("seconds", [-400 * 86400, 400 * 86400], ids=["back", "forward"])
def test_files_of_a_wrong_clock(checkout, seconds, outcomes):
    """Files that change, to as many bytes as before, dated by a clock that is wrong: the stages run again."""
    source = checkout / "first.py"
    source.write_text(small_pipeline.FIRST.replace("one", "two"))
    data = checkout / "data/catalogue"
    data.write_text("moons")
    for path in (source, data, data.parent):
        moment = time.time() + seconds
        os.utime(path, (moment, moment))
    assert small_pipeline.dvc(checkout, "repro").returncode == 0
    assert result(checkout) == "MOONS TWO"
    outcomes["circumstances"].append((f"files dated a year {'back' if seconds < 0 else 'ahead'}", "right answer"))


def test_a_disk_that_fills_up_in_a_stage(made, tmp_path, outcomes):
    with small_disk(tmp_path / "checkout", "4m") as remount:
        root = tmp_path / "checkout"
        shutil.copytree(made, root, symlinks=True, dirs_exist_ok=True)
        (root / "first.py").write_text("open('model', 'w').write('stars' * 10**6)\n")
        full = small_pipeline.dvc(root, "repro")
        assert full.returncode != 0
        assert "No space left on device" in full.stdout
        remount("size=64m")
        reproduce.mend_locks(root)
        assert small_pipeline.dvc(root, "repro").returncode == 0
        assert result(root) == "STARS" * 10**6
    outcomes["circumstances"].append(("disk full, dvc repro", "clear error"))
