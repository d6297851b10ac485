"""Switching surveys: the new one is in place and recorded, and the old one can always be had back."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.errors import InputError
from analysis.survey import switch
from analysis.survey.catalogue import (
    STAMPS,
    TRUTH,
    read_catalogue,
    read_provenance,
    sha256,
    write_provenance,
    write_survey,
)
from analysis.survey.stamps_file import Stamps, StampsWriter
from analysis.survey.validate import summarise


def make_survey(folder, objects, stamps=False):
    table = pd.DataFrame({"object_id": np.arange(objects), "redshift": np.full(objects, 0.1)})
    write_survey(table, folder, {"kind": "ingested"})
    if stamps:
        add_stamps(folder, objects)
    return folder


def add_stamps(folder, number):
    """Give the first objects of a survey stamps of noise, and say so in its provenance."""
    pixels = np.random.default_rng(1).normal(size=(number, 5, 12, 12)).astype(np.float32)
    ones = np.ones((number, 5), np.float32)
    with StampsWriter(folder / STAMPS, (12, 12)) as writer:
        writer.append(Stamps(pixels, np.arange(number), ones, ones))
    write_provenance(folder, {"kind": "ingested"}, {"stamps": number})


def dvc(root, *arguments):
    done = subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects_in_place(root):
    return len(read_catalogue(root / "data"))


def default_in_cache(root):
    """Return where the DVC cache of a repository keeps the list of the default survey's files."""
    checksum = yaml.safe_load((root / switch.DEFAULT_RECORD).read_text())["outs"][0]["md5"]
    return root / ".dvc" / "cache" / "files" / "md5" / checksum[:2] / checksum[2:]


def leftovers(root):
    return [path.name for path in root.iterdir() if path.name.startswith(".data.")]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Make a repository whose default survey (2 objects) is in place, recorded, and in the remote."""
    root = tmp_path_factory.mktemp("switch") / "repository"
    root.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    dvc(root, "init", "-q")
    (root / ".dvc" / "config").write_text(
        "[core]\n    remote = store\n    analytics = false\n['remote \"store\"']\n    url = store\n"
    )
    make_survey(root / "data", 2)
    dvc(root, "add", "data")
    dvc(root, "push")
    record = root / switch.DEFAULT_RECORD
    record.parent.mkdir(parents=True)
    shutil.copy(root / "data.dvc", record)
    return root


@pytest.fixture
def root(template, tmp_path):
    return shutil.copytree(template, tmp_path / "repository", symlinks=True)


def test_use_and_back(root, tmp_path):
    """A survey comes in whole but for the truth, recorded and cached; the default comes from the remote."""
    before = (root / "data.dvc").read_text()
    mine = make_survey(tmp_path / "mine", 5, stamps=True)
    (mine / TRUTH).write_bytes(b"truth")
    switch.use_survey(mine, root)
    assert objects_in_place(root) == 5
    assert summarise(root / "data")["stamps"]["stamps"] == 5
    assert sha256(root / "data" / STAMPS) == read_provenance(root / "data")["sha256"][STAMPS] == sha256(mine / STAMPS)
    assert not (root / "data" / TRUTH).exists()
    assert (mine / TRUTH).exists()
    assert (root / "data.dvc").read_text() != before
    assert dvc(root, "status", "data.dvc", "--json").strip() == "{}"  # recorded, and in the cache

    shutil.rmtree(default_in_cache(root).parent)  # a clone has only the remote
    switch.use_default(root)
    assert objects_in_place(root) == 2
    assert (root / "data.dvc").read_text() == before
    assert leftovers(root) == []
    assert not (root / "data" / STAMPS).exists()  # the default of this test has none
    assert (root / ".gitignore").read_text().split() == ["/data"]


def test_default_with_stamps(template, tmp_path):
    """They go to the store and come back with the rest."""
    root = shutil.copytree(template, tmp_path / "repository", symlinks=True)
    switch.use_survey(make_survey(tmp_path / "both", 3, stamps=True), root)
    checksum = sha256(root / "data" / STAMPS)
    shutil.copy(root / "data.dvc", root / switch.DEFAULT_RECORD)
    dvc(root, "push")
    switch.use_survey(make_survey(tmp_path / "mine", 5), root)
    assert summarise(root / "data")["stamps"] is None
    shutil.rmtree(root / ".dvc" / "cache" / "files")  # a clone has only the remote
    dvc(root, "add", "data")  # and what is in place
    switch.use_default(root)
    assert sha256(root / "data" / STAMPS) == checksum
    assert summarise(root / "data")["stamps"]["stamps"] == 3


def test_refuses_to_lose_data(root, tmp_path):
    """data/ that was changed, or that DVC does not know, stays; so does everything else."""
    mine = make_survey(tmp_path / "mine", 5)
    (root / "data" / "note.txt").write_text("mine")
    record = (root / "data.dvc").read_text()
    for call in (lambda: switch.use_survey(mine, root), lambda: switch.use_default(root)):
        with pytest.raises(InputError, match=r"differs from what data\.dvc records"):
            call()
    (root / "data.dvc").unlink()
    with pytest.raises(InputError, match="DVC does not know it"):
        switch.use_survey(mine, root)
    assert (root / "data" / "note.txt").read_text() == "mine"
    assert record == (root / switch.DEFAULT_RECORD).read_text()
    assert leftovers(root) == []


def test_refuses_stamps_that_are_not_those_of_the_provenance(root, tmp_path):
    mine = make_survey(tmp_path / "mine", 5, stamps=True)
    with h5py.File(mine / STAMPS, "r+") as file:
        file["psf_fwhm"][0] = 2
    with pytest.raises(InputError, match=r"stamps\.h5: sha256 .*; expected"):
        switch.use_survey(mine, root)
    assert objects_in_place(root) == 2


@pytest.mark.parametrize("inside", [".", "copy"])
def test_refuses_its_own_data(root, inside):
    with pytest.raises(InputError, match="own data/ or inside"):
        switch.use_survey(root / "data" / inside, root)


def test_refuses_a_broken_survey(root, tmp_path):
    mine = make_survey(tmp_path / "mine", 5)
    (mine / "provenance.json").write_text('{"sha256": {"catalogue.parquet": "0"}}')
    with pytest.raises(InputError, match="sha256"):
        switch.use_survey(mine, root)
    assert objects_in_place(root) == 2


def test_failing_dvc_brings_the_old_survey_back(root, tmp_path, monkeypatch):
    def failing(root, *arguments):
        if arguments[0] == "add":
            raise InputError("locked")
        return "{}"

    monkeypatch.setattr(switch, "_dvc", failing)
    with pytest.raises(InputError, match="locked"):
        switch.use_survey(make_survey(tmp_path / "mine", 5), root)
    assert objects_in_place(root) == 2
    assert leftovers(root) == []


def kill_at(root, new, number):
    """Switch in a child process that dies, without clean-up, before the given step; True if it died."""
    child = os.fork()
    if child == 0:
        steps = iter(range(100))

        def dying(step):
            def wrapper(*arguments, **options):
                if next(steps) == number:
                    os._exit(9)
                return step(*arguments, **options)

            return wrapper

        for owner, name in [(switch, "_dvc"), (shutil, "copystat"), (shutil, "rmtree"), (Path, "rename")]:
            setattr(owner, name, dying(getattr(owner, name)))
        try:
            switch.use_survey(new, root)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_killed_at_any_step(template, tmp_path):
    """Killed anywhere, data/ is the old survey, the new one, or away; the next switch finds it in order."""
    new = make_survey(tmp_path / "new", 5)
    found = set()
    for number in range(1, 100):
        root = shutil.copytree(template, tmp_path / f"killed_{number}", symlinks=True)
        if not kill_at(root, new, number):
            break
        found.add(objects_in_place(root) if (root / "data").exists() else None)
        switch._make_ready(root)  # what the next switch does first: it raises if data/ is not what DVC recorded
        assert objects_in_place(root) in (2, 5)
        assert leftovers(root) == []
        assert default_in_cache(root).is_file()
    assert found == {2, None, 5}


def test_a_survey_that_does_not_say_what_it_is_is_refused(root, tmp_path):
    survey = make_survey(tmp_path / "silent", 3)
    (survey / "provenance.json").unlink()
    with pytest.raises(InputError, match=r"provenance\.json: not there; expected one of mock, ingested"):
        switch.use_survey(survey, root)
    assert objects_in_place(root) == 2


def test_two_switches_at_once_do_not_mix(root, tmp_path):
    survey = make_survey(tmp_path / "mine", 3)
    with switch._alone(root), pytest.raises(InputError, match="another `survey use` is running"):
        switch.use_survey(survey, root)
    assert objects_in_place(root) == 2
