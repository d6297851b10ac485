"""A mock survey with stamps: the same to the byte for any number of workers, and after any interruption."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from full_disk import largest_file

from analysis.__main__ import main
from analysis.errors import InputError
from analysis.survey import catalogue
from analysis.survey.mock import generate
from analysis.survey.mock.parts import PARTS, working_folder
from analysis.survey.stamps_file import CHUNK, read_ids
from analysis.survey.stamps_summary import summarise_stamps

OBJECTS, SEED, STAMPS = 300, 3, 3 * CHUNK  # in three parts each


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch) -> None:
    monkeypatch.setattr(generate, "CHUNK", 100)
    monkeypatch.setattr(generate, "STAMPS_CHUNK", CHUNK)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, str]:
    """Checksums of a survey drawn at one go by one process, which is checked here."""
    out = tmp_path_factory.mktemp("undisturbed") / "survey"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "CHUNK", 100)
        patch.setattr(generate, "STAMPS_CHUNK", CHUNK)
        generate.generate(OBJECTS, SEED, out, workers=1, stamps=STAMPS)
    summary = summarise_stamps(out)
    assert summary is not None and summary["stamps"] == STAMPS
    assert catalogue.read_provenance(out)["counts"]["stamps"] == STAMPS
    assert np.all(np.diff(read_ids(out / catalogue.STAMPS)) > 0)
    return checksums(out)


def checksums(out: Path) -> dict[str, str]:
    return {path.name: catalogue.sha256(path) for path in out.iterdir()}


_COMMAND = """
import sys
from pathlib import Path
from analysis.survey.mock import generate
generate.CHUNK, generate.STAMPS_CHUNK = 100, 32
objects, seed, stamps, workers = map(int, sys.argv[2:])
generate.generate(objects, seed, Path(sys.argv[1]), workers=workers, stamps=stamps)
"""


def start(out: Path, workers: int) -> subprocess.Popen:
    numbers = map(str, (OBJECTS, SEED, STAMPS, workers))
    return subprocess.Popen([sys.executable, "-c", _COMMAND, str(out), *numbers], start_new_session=True)


def parts_of(out: Path) -> dict[str, tuple[int, int]]:
    """Name, inode and time of the parts that are done."""
    folder = working_folder(out, generate.Job(OBJECTS, SEED, STAMPS, 100, CHUNK).identity()) / PARTS
    found = {}
    for path in folder.glob("[ms]*"):  # a part of the truth is done if that of the measurements is there
        status = path.stat()
        found[path.name] = (status.st_ino, status.st_mtime_ns)
    return found


def kill_when_there(process: subprocess.Popen, out: Path, pattern: str) -> dict[str, tuple[int, int]]:
    """Kill a process and its workers as soon as a part is there; return the parts. Before, nobody else may draw."""
    while not any(name.startswith(pattern) for name in parts_of(out)):
        assert process.poll() is None
        time.sleep(0.01)
    with pytest.raises(InputError, match="another process is making it"):
        generate.generate(OBJECTS, SEED, out, workers=1, stamps=STAMPS)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return parts_of(out)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_in_catalogue_and_stamps(tmp_path: Path, undisturbed: dict[str, str], workers: int) -> None:
    out = tmp_path / "survey"
    catalogue_parts = kill_when_there(start(out, workers), out, "measured")
    assert not any(name.startswith("stamps") for name in catalogue_parts)
    stamps_parts = kill_when_there(start(out, workers), out, "stamps")
    assert len([name for name in stamps_parts if name.startswith("stamps")]) < 3
    assert not out.exists()
    drawn_last = []
    with pytest.MonkeyPatch.context() as patch:
        draw = generate.images.draw_stamps
        patch.setattr(generate.images, "draw_stamps", lambda *arguments: drawn_last.append(1) or draw(*arguments))
        patch.setattr(generate, "draw_chunk", None)  # all of the catalogue is there
        generate.generate(OBJECTS, SEED, out, workers=1, stamps=STAMPS)
    assert checksums(out) == undisturbed
    assert catalogue_parts.items() <= stamps_parts.items()  # not drawn again
    assert len(drawn_last) == 3 - len([name for name in stamps_parts if name.startswith("stamps")])
    assert [path.name for path in tmp_path.iterdir()] == ["survey"]


def test_a_disk_that_is_full_three_times(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    """While a part of the catalogue is written, then of the stamps, then stamps.h5 itself."""
    out = tmp_path / "survey"
    before: dict[str, tuple[int, int]] = {}
    for size, expected in (
        (50_000, set()),
        (100_000, {"measured"}),
        (200_000, {"measured", "stamps"}),
    ):
        with largest_file(size), pytest.raises(InputError, match=r"cannot be written \(.*the same command goes on"):
            generate.generate(OBJECTS, SEED, out, workers=1, stamps=STAMPS)
        done = parts_of(out)
        assert before.items() <= done.items()
        assert {name.partition("-")[0] for name in done} >= expected
        assert not out.exists()
        before = done
    generate.generate(OBJECTS, SEED, out, workers=1, stamps=STAMPS)
    assert checksums(out) == undisturbed


def test_killed_when_all_but_the_last_step_is_done(tmp_path: Path, undisturbed, monkeypatch) -> None:
    """Nothing is drawn again, even if some parts are deleted already."""
    out = tmp_path / "survey"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            generate.generate(OBJECTS, SEED, out, workers=1, stamps=STAMPS)
    monkeypatch.setattr(generate, "run_all", None)
    generate.generate(OBJECTS, SEED, out, workers=1, stamps=STAMPS)
    assert checksums(out) == undisturbed


@pytest.mark.slow
def test_two_workers_draw_the_same(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    assert start(tmp_path / "survey", workers=2).wait() == 0
    assert checksums(tmp_path / "survey") == undisturbed


def test_everything_that_decides_the_bytes_makes_another_job(tmp_path: Path, monkeypatch) -> None:
    jobs = [
        generate.Job(*numbers).identity()
        for numbers in ((9, 1, 2, 5, 32), (8, 1, 2, 5, 32), (9, 3, 2, 5, 32), (9, 1, 4, 5, 32), (9, 1, 2, 6, 32))
    ]
    for name in ("_code_hash", "parameters_hash"):
        with monkeypatch.context() as patch:
            patch.setattr(generate, name, lambda: "other")
            jobs.append(generate.Job(9, 1, 2, 5, 32).identity())
    assert len({working_folder(tmp_path / "survey", job) for job in jobs}) == len(jobs)
    assert generate.Job(9, 1, 2, 5, 32).identity() == jobs[0]


def test_more_stamps_than_objects(tmp_path: Path, capsys) -> None:
    out = tmp_path / "survey"
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["survey", "mock", "--objects", "3", "--seed", "1", "--stamps", "4", "--out", str(out)]))
    assert ended.value.code == 2
    assert "stamps 4: expected 0 to 3" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
