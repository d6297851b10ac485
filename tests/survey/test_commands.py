"""The command group `survey`."""

import argparse
import json
import subprocess
import sys
import textwrap

import pytest

from analysis.errors import InputError
from analysis.survey import commands, switch
from analysis.survey.catalogue import read_catalogue
from analysis.survey.columns_map import read_map


def run(*arguments):
    parser = argparse.ArgumentParser("analysis")
    commands.add_commands(parser.add_subparsers())
    options = parser.parse_args(["survey", *map(str, arguments)])
    return options.run(options)


def test_ingest_and_validate(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("z\n0.1\n")
    (tmp_path / "b.csv").write_text("z\n0.2\n")
    (tmp_path / "map.yaml").write_text("columns: {redshift: z}")
    run(
        "ingest",
        tmp_path / "a.csv",
        tmp_path / "b.csv",
        "--columns",
        tmp_path / "map.yaml",
        "--out",
        tmp_path / "s",
    )
    assert read_catalogue(tmp_path / "s")["redshift"].tolist() == [0.1, 0.2]
    run("validate", tmp_path / "s", "--out", tmp_path / "results" / "summary.json")
    assert "redshift" in capsys.readouterr().out
    assert json.loads((tmp_path / "results" / "summary.json").read_text())["objects"] == 2


def test_invalid_survey_writes_no_summary(tmp_path):
    with pytest.raises(InputError):
        run("validate", tmp_path, "--out", tmp_path / "summary.json")
    assert not (tmp_path / "summary.json").exists()


def test_use_takes_a_folder_or_the_default(monkeypatch, tmp_path, capsys):
    used = []
    monkeypatch.setattr(switch, "use_survey", lambda directory, root: used.append(directory))
    monkeypatch.setattr(switch, "use_default", lambda root: used.append("the default"))
    run("use", tmp_path)
    run("use", "default")
    assert used == [tmp_path, "the default"]
    assert "dvc repro" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["mock", "ingest", "validate", "use"])
def test_help_teaches_by_example(command, capsys):
    with pytest.raises(SystemExit):
        run(command, "--help")
    assert f"python -m analysis survey {command} " in capsys.readouterr().out


def test_the_map_that_help_shows_is_one(tmp_path):
    shown = commands.INGEST.split("what the columns are:")[1].split("Without object_id")[0]
    (tmp_path / "map.yaml").write_text(textwrap.dedent(shown))
    columns_map = read_map(tmp_path / "map.yaml")
    assert columns_map.format.header == 0
    assert columns_map.source == "where it comes from"


@pytest.mark.parametrize("objects", ["0", "-3", "many"])
def test_mock_needs_objects(objects, capsys):
    with pytest.raises(SystemExit) as stop:
        run("mock", "--objects", objects, "--seed", "1", "--out", "x")
    assert stop.value.code == 2


def test_survey_commands_do_not_need_the_learners():
    """A broken torch or typst must leave the survey usable, and help quick."""
    program = "import sys; from analysis.__main__ import build_parser; build_parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "lightgbm", "sklearn", "matplotlib", "typst", "kcorrect", "pandas"} & set(loaded)
