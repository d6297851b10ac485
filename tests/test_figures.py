"""Figures are written as pixels and as vectors, and say where they come from."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from analysis import figures, paths
from analysis.errors import InputError
from analysis.provenance.record import KEY, parse


def _draw(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "fig-importance.png") -> None:
    monkeypatch.setattr(paths, "FIGURES", folder / "figures")
    with plt.style.context(paths.STYLE):
        figure, axes = plt.subplots()
        axes.plot([1, 2], label="a")
        axes.set_xlabel("redshift")
        figures.save_figures({name: figure})


def test_both_forms_carry_the_same_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _draw(tmp_path, monkeypatch)
    with Image.open(tmp_path / "figures/fig-importance.png") as picture:
        record = parse(picture.text[KEY])
        assert picture.size == (960, 680)  # 4.8 by 3.4 inches at 200 dots
    assert record["stage"] == "plot_feature_importance"
    assert re.fullmatch("[0-9a-f]{64}", record["inputs"]["analysis/feature_importance/plot.py"])
    vectors = (tmp_path / "vector/fig-importance.svg").read_text()
    described = re.search("<dc:description>(.*?)</dc:description>", vectors)
    assert described and parse(described[1].replace("&quot;", '"')) == record
    assert "<text" not in vectors  # letters are outlines: the same fonts as in the pixels, wherever it is read


def test_the_same_figure_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in ("first", "second"):
        _draw(tmp_path / run, monkeypatch)
    for file in ("figures/fig-importance.png", "vector/fig-importance.svg"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_a_result_that_was_not_run_has_all_its_figures_and_they_say_why(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    said = []
    monkeypatch.setattr(figures, "plot_nothing", lambda why: said.append(why) or plt.figure())
    (tmp_path / paths.METRICS).write_text('{"not_run": "no positions"}')
    names = ["fig-science-n-z.png", "fig-science-sky.png"]
    figures.draw_result(tmp_path, names, lambda *_: pytest.fail("there is nothing to draw"))
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == names
    assert said == ["no positions"] * 2


def test_a_figure_that_no_stage_makes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"fig-orphan\.png: no stage of dvc\.yaml makes it"):
        _draw(tmp_path, monkeypatch, "fig-orphan.png")
    assert not list(tmp_path.rglob("*.*"))
