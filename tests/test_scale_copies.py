"""Scales in copies that are kept: they resume after kill -9, follow their checkout and leave its results alone."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from analysis import paths, scale_copies

PIPELINE = """
stages:
  first:
    cmd: echo first >> {log} && mkdir -p models && cp params.yaml models/first
    params: [first]
    outs: [models/first]
  second:
    cmd: echo second >> {log} && sh second.sh && cp params.yaml results/second/metrics.json
    deps: [models/first, second.sh]
    metrics: [results/second/metrics.json: {{cache: false}}]
"""
# the claims table and the paper are not of this tiny pipeline
RUN = """
import sys
from pathlib import Path
from analysis import reproduce
reproduce.run_pipeline = lambda root: reproduce._run(["dvc", "repro", "--quiet"], root)
reproduce.run_in_kept_copy(Path(sys.argv[1]), Path(sys.argv[2]), "tiny")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a pipeline of two stages, results of its own and a survey; what ran is in tmp_path/log."""
    root = tmp_path / "checkout"
    files = {
        "params.yaml": "first: {size: 1}\n",
        "scales/tiny.yaml": "survey: {objects: 10, seed: 1}\nfirst: {size: 100}\n",
        "dvc.yaml": PIPELINE.format(log=tmp_path / "log"),
        "second.sh": "true\n",
        "results/second/metrics.json": "first: {size: 1}\n",
        "results/real/table/metrics.json": "{}\n",
        ".gitignore": "/data\n/models\n/.scales/\n",
        "data/provenance.json": "{}\n",
        "analysis/survey/default_survey.yml": "outs: [{md5: another}]\n",  # so data/ is a survey of the user's
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"], ["git", "add", "."]):
        subprocess.run(command, cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data"], cwd=root, check=True)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    subprocess.run(["git", *identity, "commit", "-qm", "first"], cwd=root, check=True)
    return root


def start(checkout: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT)}
    command = [sys.executable, "-c", RUN, str(checkout), str(checkout / ".scales")]
    return subprocess.Popen(command, env=environment, start_new_session=True)


def kill_all_of(process: subprocess.Popen) -> None:
    """Kill a process and what it started, and wait until none is left: to DVC, a lock of a live process holds."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with suppress(ProcessLookupError):
        while True:
            os.killpg(process.pid, 0)
            time.sleep(0.05)


def ran(checkout: Path) -> list[str]:
    log = checkout.parent / "log"
    return log.read_text().split() if log.exists() else []


def changes(checkout: Path) -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=checkout, capture_output=True, text=True).stdout


def test_a_killed_scale_goes_on_and_publishes_beside_the_results_of_the_checkout(checkout: Path) -> None:
    (checkout / "second.sh").write_text("sleep 60\n")
    process = start(checkout)
    while ran(checkout) != ["first", "second"]:
        assert process.poll() is None
        time.sleep(0.05)
    kill_all_of(process)
    assert not (checkout / "results/tiny").exists()

    (checkout / "second.sh").write_text("true\n")  # the copy follows the checkout
    assert start(checkout).wait() == 0
    assert ran(checkout) == ["first", "second", "second"]
    published = checkout / "results/tiny"
    assert yaml.safe_load((published / "second/metrics.json").read_text()) == {"first": {"size": 100}}
    assert yaml.safe_load((published / "params.yaml").read_text()) == {"first": {"size": 100}}
    assert set(yaml.safe_load((published / "dvc.lock").read_text())["stages"]) == {"first", "second"}
    assert {path.name for path in published.iterdir()} == {"second", "params.yaml", "dvc.lock", "provenance.json"}
    assert changes(checkout) == "?? results/tiny/\n"
    assert (checkout / "results/second/metrics.json").read_text() == "first: {size: 1}\n"

    assert start(checkout).wait() == 0  # nothing has changed, and the results published do not count
    assert ran(checkout) == ["first", "second", "second"]


def test_the_survey_of_a_scale_replaces_that_of_the_compendium_only(checkout: Path) -> None:
    assert scale_copies.survey_to_draw(checkout, "tiny") is None
    (checkout / "analysis/survey/default_survey.yml").write_text((checkout / "data.dvc").read_text())
    drawn = scale_copies.survey_to_draw(checkout, "tiny")
    assert drawn == {"objects": 10, "seed": 1}
    assert not scale_copies.was_drawn_so(checkout / "data", drawn)
    generator = {"objects": 10, "seed": 1, "chunk": 5000}
    (checkout / "data/provenance.json").write_text(json.dumps({"generator": generator}))
    assert scale_copies.was_drawn_so(checkout / "data", drawn)
    assert not scale_copies.was_drawn_so(checkout / "data", drawn | {"seed": 2})
    assert not scale_copies.was_drawn_so(checkout / "nothing", drawn)
