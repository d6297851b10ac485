"""The record of a figure: what it was made from, the same wherever the same revision runs."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from analysis.errors import InputError
from analysis.provenance import git
from analysis.provenance.pipeline import chain, in_order, makers, read_pipeline
from analysis.provenance.record import as_comment, as_text, parse, record_of

PIPELINE = """
stages:
  draw:
    cmd: python
      -m draw
    deps: [results, code/draw.py]
    params: [draw]
    outs: [figures/a.png: {cache: false}]
  measure:
    cmd: python -m measure
    deps: [data, code]
    metrics: [results/metrics.json: {cache: false}]
    outs: [models/fit, results/table.csv: {cache: false}]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {"dvc.yaml": PIPELINE, "params.yaml": "draw: {bins: 3}\nother: {seed: 1}\n", "code/draw.py": "1\n"}
    files |= {"code/__pycache__/draw.pyc": "x", "results/metrics.json": "{}", "other": "1\n", "code/b.py": "1\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    _git(tmp_path, "init", "-q")
    _commit(tmp_path)
    return tmp_path


def _git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True)


def _commit(root: Path) -> None:
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "one more")


def test_a_record_says_what_a_figure_was_made_from(root: Path) -> None:
    record = record_of(root, "figures/a.png")
    assert (record["stage"], record["command"]) == ("draw", "python -m draw")
    assert record["params"] == {"draw": {"bins": 3}}
    assert record["inputs"] == {
        "code/draw.py": hashlib.sha256(b"1\n").hexdigest(),
        "results/metrics.json": hashlib.sha256(b"{}").hexdigest(),
    }
    assert record["commit"] == git.git(root, "rev-parse", "--short=12", "HEAD")


def test_the_commit_is_that_of_the_code_and_of_nothing_else(root: Path) -> None:
    first = record_of(root, "figures/a.png")
    (root / "other").write_text("2\n")
    (root / "results/metrics.json").write_text('{"a": 1}')
    _commit(root)
    second = record_of(root, "figures/a.png")
    assert second["commit"] == first["commit"]
    assert second["inputs"] != first["inputs"]
    (root / "code/draw.py").write_text("2\n")
    assert record_of(root, "figures/a.png")["commit"] == first["commit"] + git.CHANGED
    _commit(root)
    assert record_of(root, "figures/a.png")["commit"] == git.git(root, "rev-parse", "--short=12", "HEAD")


def test_without_git_the_commit_is_unknown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert record_of(root, "figures/a.png")["commit"] == git.UNKNOWN


def test_what_no_stage_makes_has_no_record(root: Path) -> None:
    with pytest.raises(InputError, match=r"figures/b\.png: no stage of dvc\.yaml makes it"):
        record_of(root, "figures/b.png")


def test_a_comment_holds_the_record_whatever_it_says() -> None:
    record = {"stage": "draw", "command": "python -m draw --out x -->", "inputs": {}}
    comment = as_comment(record)
    inner = comment.removeprefix("<!-- provenance ").removesuffix(" -->\n\n")
    assert "--" not in inner  # would end a comment of HTML
    assert parse(inner) == parse(as_text(record)) == record


def test_stages_come_after_what_they_need(root: Path) -> None:
    pipeline = read_pipeline(root)
    assert [stage.name for stage in in_order(pipeline)] == ["measure", "draw"]
    assert [stage.name for stage in chain(pipeline, pipeline["measure"])] == ["measure"]
    assert [stage.name for stage in makers(pipeline, "results")] == ["measure"]
    assert pipeline["measure"].committed == ("results/table.csv", "results/metrics.json")


def test_a_pipeline_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dvc\.yaml: not readable"):
        read_pipeline(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: [\n")
    with pytest.raises(InputError, match=r"dvc\.yaml: not readable"):
        read_pipeline(tmp_path)
