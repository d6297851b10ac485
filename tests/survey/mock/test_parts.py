"""Long work in parts: whole or not at all, each job by itself, and no process left behind."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from analysis.errors import InputError
from analysis.survey.mock import parts
from analysis.survey.mock.parts import PARTS, leftovers, resumable_folder, run_all, whole_part, working_folder

JOB = {"seed": 1}


def write_part(path: Path, text: str = "done") -> int:
    with whole_part(path) as partial:
        partial.write_text(text)
    return 1


def die(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_a_folder_appears_whole_and_without_its_parts(tmp_path: Path) -> None:
    with resumable_folder(tmp_path / "out", JOB) as work:
        write_part(work / PARTS / "a")
        (work / "result").write_text("whole")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result"]


def test_what_is_done_outlives_an_error_and_debris_does_not(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), resumable_folder(tmp_path / "out", JOB) as work:
        write_part(work / PARTS / "a")
        (work / PARTS / ".b.123.incomplete").write_text("half")  # as a killed process leaves it
        raise ZeroDivisionError
    assert not (tmp_path / "out").exists()
    with resumable_folder(tmp_path / "out", JOB) as work:
        assert [path.name for path in (work / PARTS).iterdir()] == ["a"]


def test_an_error_leaves_no_half_of_a_part(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), whole_part(tmp_path / "a") as partial:
        partial.write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    complaint = pytest.raises(InputError, match=r"out: cannot be written .*No space left.* the same command goes on")
    with complaint, resumable_folder(tmp_path / "out", JOB):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not (tmp_path / "out").exists()


def test_leftovers_of_another_job_are_told_of_and_neither_used_nor_lost(tmp_path: Path, capsys) -> None:
    with pytest.raises(ZeroDivisionError), resumable_folder(tmp_path / "out", JOB) as other:
        (other / PARTS / "a").write_bytes(bytes(2_000_000))
        raise ZeroDivisionError
    (tmp_path / ".outer.0.unfinished").mkdir()  # of a folder of another name
    assert capsys.readouterr().err == ""
    with resumable_folder(tmp_path / "out", JOB | {"seed": 2}) as work:
        assert list((work / PARTS).iterdir()) == []
    [line] = capsys.readouterr().err.splitlines()
    assert str(other) in line and "2.0 MB" in line and "outer" not in line
    assert leftovers(tmp_path / "out") == [other] == [working_folder(tmp_path / "out", JOB)]
    assert (other / PARTS / "a").exists()


def test_two_at_the_same_job_are_refused_and_two_at_different_ones_are_not(tmp_path: Path) -> None:
    with resumable_folder(tmp_path / "out", JOB):
        with pytest.raises(InputError, match="another process is making it"), resumable_folder(tmp_path / "out", JOB):
            pass
        with resumable_folder(tmp_path / "other", JOB):
            pass
    assert (tmp_path / "out").is_dir() and (tmp_path / "other").is_dir()


def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"), resumable_folder(tmp_path / "out", JOB) as work:
        (work / "result").write_text("ours")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "result").write_text("theirs")
    assert (tmp_path / "out" / "result").read_text() == "theirs"
    assert (work / "result").read_text() == "ours"


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_done_once(tmp_path: Path, workers: int) -> None:
    assert list(run_all(write_part, [(tmp_path / str(k),) for k in range(3)], workers)) == [1, 1, 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]


def test_an_error_of_a_worker_is_raised_here(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):  # a file where a folder should be
        list(run_all(write_part, [(tmp_path / "file" / str(k),) for k in range(3)], 2))


def test_a_killed_worker_is_told_of() -> None:
    with pytest.raises(InputError, match=r"worker process was killed.*--workers"):
        list(run_all(die, [(1,), (2,)], 2))


def test_workers_use_one_thread_each_and_the_environment_is_left_as_it_was(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with parts._one_thread_each():
        code = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['OPENBLAS_NUM_THREADS'])"
        assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


_PARENT = """
import time
from analysis.survey.mock.parts import run_all
if __name__ == "__main__":
    list(run_all(time.sleep, [(1,), (600,), (600,)], 2))
"""


def test_workers_end_when_their_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT])
    workers: list[psutil.Process] = []
    deadline = time.monotonic() + 60
    while len(workers) < 2 and time.monotonic() < deadline:
        children = psutil.Process(parent.pid).children(recursive=True)
        workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        time.sleep(0.1)
    time.sleep(1)  # else they may be killed before they have begun, which is another matter
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=30)
    for process in alive:
        process.kill()
    assert len(workers) == 2 and not alive
