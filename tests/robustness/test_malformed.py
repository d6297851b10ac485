"""Whatever comes in that cannot be used: one message with its identifier, exit code 2, nothing written, nothing run."""

import hashlib
import re
from collections import defaultdict
from pathlib import Path

import malformed_others  # noqa: F401 (adds its cases)
import pytest
from malformed import CASES, Case

from analysis import paths
from analysis.__main__ import main
from analysis.errors import KINDS


def contents(folder: Path) -> dict[str, str]:
    """Return a digest of every file under a folder, hidden ones too; a folder has none."""
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.form}: {case.name}")
def test_it_is_refused_in_one_message(case: Case, tmp_path, monkeypatch, capfd, outcomes):
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "secret.h5").write_bytes(b"nobody's business")
    monkeypatch.chdir(folder)
    arguments = case.make(folder)
    if (folder / "params.yaml").exists():
        monkeypatch.setattr(paths, "PARAMS", folder / "params.yaml")
    before = contents(tmp_path)
    capfd.readouterr()
    assert main(arguments) == 2  # an exception would be a traceback
    said = capfd.readouterr().err.strip()
    found = re.match(r"error \[([a-z-]+)\]: (.*)", said, re.DOTALL)
    assert found, said
    assert found[1] in case.kind.split("|"), said
    assert any(words in found[2] for words in case.says.split("|")), said
    assert contents(tmp_path) == before  # so nothing was written, and no code ran that would have made the file `ran`
    outcomes["malformed_inputs"].append(f"{case.form}: {case.name}")
    outcomes["kinds"].append((found[1], case.form))


def test_the_corpus_is_large_and_its_kinds_come_from_two_formats_each():
    forms = defaultdict(set)
    for case in CASES:
        for kind in case.kind.split("|")[:1]:
            forms[kind].add(case.form)
    assert len(CASES) >= 60
    assert set(forms) <= set(KINDS)
    assert sum(len(of_kind) >= 2 for of_kind in forms.values()) >= 20
    assert len({(case.form, case.name) for case in CASES}) == len(CASES)
