"""The contact sheet: magnitudes, matching and colours of its tiles; it goes on where stamps are missing."""

import argparse

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from small_stamps import write_small_survey

from analysis import params, paths
from analysis.errors import InputError
from analysis.survey import contact_sheet, real_stamps, sheet
from analysis.survey.catalogue import write_survey
from analysis.survey.stamps_file import PIXEL_SCALE

SETTINGS = {"side": 40, "columns": 4, "r_limits": [16.5, 20.0], "stretch": 0.3, "q": 6}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Put data/, the real sheet and the figures into a temporary folder."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    for module in (contact_sheet, real_stamps):
        monkeypatch.setattr(module, "REAL_SHEET", tmp_path / "real")
    monkeypatch.setattr(params, "load", lambda _: SETTINGS)
    return tmp_path


def _draw(folder, name="SDSS"):
    chosen = sheet.spread(sheet.measure(folder), SETTINGS["columns"], SETTINGS["r_limits"])
    return sheet.draw(folder, chosen, SETTINGS, {"name": name})


def test_magnitude_is_that_of_the_flux_within_the_aperture():
    image = np.zeros((2, 44, 44))
    image[0, 21:23, 21:23] = 2.5  # nanomaggies, so ten in all
    image[1, 0, 0] = 100  # outside
    found = sheet.aperture_magnitudes(image, PIXEL_SCALE)
    assert found[0] == pytest.approx(20)
    assert np.isnan(found[1])
    sky = np.full((1, 44, 44), PIXEL_SCALE**2)  # one nanomaggie per square arcsec
    assert sheet.aperture_magnitudes(sky, PIXEL_SCALE)[0] == pytest.approx(22.5 - 2.5 * np.log10(9 * np.pi), abs=0.02)


def test_stars_and_galaxies_are_spread_over_magnitudes_each_once(tmp_path):
    write_small_survey(tmp_path / "s", 60)
    chosen = sheet.spread(sheet.measure(tmp_path / "s"), 4, (16.5, 20.0))
    assert chosen["object_id"].is_unique
    for label in sheet.ROWS:
        r = chosen.loc[chosen["class"] == label, "r"]
        assert r.to_numpy() == pytest.approx(np.linspace(16.5, 20, 4), abs=0.2)
        assert r.between(16.5, 20).all()


def test_matched_objects_are_the_nearest_of_their_class(tmp_path):
    write_small_survey(tmp_path / "s", 60)
    measured = sheet.measure(tmp_path / "s")
    wanted = pd.DataFrame({"class": ["STAR", "STAR", "GALAXY"], "r": [18.0, 18.0, 19.0], "column": [0, 1, 0]})
    found = sheet.matched(measured, wanted)
    assert found["object_id"].is_unique
    stars = measured[measured["class"] == "STAR"].copy()
    two_nearest = stars.loc[(stars["r"] - 18).abs().nsmallest(2).index, "object_id"]
    assert set(found.loc[found["class"] == "STAR", "object_id"]) == set(two_nearest)
    assert found.loc[found["class"] == "GALAXY", "r"].iloc[0] == pytest.approx(19, abs=0.15)


def test_tiles_show_red_galaxies_in_red_and_survive_writing(tmp_path):
    write_small_survey(tmp_path / "s", 60)
    drawn = _draw(tmp_path / "s")
    sheet.write_sheet(drawn, tmp_path / "real")
    read = sheet.read_sheet(tmp_path / "real")
    assert np.array_equal(read.rgb, drawn.rgb)
    assert read.about == drawn.about
    assert read.tiles["r"].to_numpy() == pytest.approx(drawn.tiles["r"].to_numpy(), abs=0.005)
    galaxy = drawn.rgb[:40, :40].astype(int)
    red, green, blue = galaxy[15:25, 15:25].mean(axis=(0, 1))  # g - r = 0.8, r - i = 0.4
    assert red > green > blue
    assert galaxy[18:22, 18:22].mean() > 3 * galaxy[:5, :5].mean()


def test_the_same_stamps_look_the_same_in_both_halves(place):
    write_small_survey(place / "data", 60)
    real = _draw(place / "data")
    ours = contact_sheet.survey_sheet(place / "data", real, SETTINGS)
    assert np.array_equal(ours.rgb, real.rgb)
    assert ours.about["name"] == "mock"


def names_of_rows(figure: Figure) -> list[str]:
    firsts = figure.axes[:: SETTINGS["columns"]]
    return [max((text.get_text() for text in axes.texts), key=len) for axes in firsts]


def test_figure_has_both_halves(place, monkeypatch):
    drawn: list[Figure] = []
    monkeypatch.setattr(contact_sheet, "save_figures", lambda figures: drawn.extend(figures.values()))
    write_small_survey(place / "data", 60)
    sheet.write_sheet(_draw(place / "data"), place / "real")
    contact_sheet.make_contact_sheet(argparse.Namespace())
    (place / "real" / sheet.ABOUT).unlink()
    contact_sheet.make_contact_sheet(argparse.Namespace())
    both, ours = map(names_of_rows, drawn)
    assert both == ["galaxies,\nSDSS", "galaxies,\nmock", "stars,\nSDSS", "stars,\nmock"]
    assert ours == ["galaxies,\nmock", "stars,\nmock"]


def test_rows_of_one_class_stand_together(tmp_path):
    write_small_survey(tmp_path / "s", 60)
    figure = contact_sheet.plot_stamps([_draw(tmp_path / "s"), _draw(tmp_path / "s", "mock")])
    assert names_of_rows(figure) == ["galaxies,\nSDSS", "galaxies,\nmock", "stars,\nSDSS", "stars,\nmock"]
    widths = {axes.get_images()[0].get_extent()[1] for axes in figure.axes}
    assert list(widths) == pytest.approx([20 * PIXEL_SCALE])  # the same angular scale everywhere


def test_survey_without_stamps_says_so_in_one_line_and_goes_on(place, capsys):
    write_small_survey(place / "data", 10, stamps=False)
    contact_sheet.make_contact_sheet(argparse.Namespace())
    assert capsys.readouterr().out == "plot_stamps: the survey in data/ has no stamps of galaxies or stars\n"
    assert (place / "figures" / contact_sheet.FIGURE).is_file()
    write_small_survey(place / "other", 60)
    sheet.write_sheet(_draw(place / "other"), place / "real")
    contact_sheet.make_contact_sheet(argparse.Namespace())
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("classes", [{"class": "GALAXY"}, {"class": "QSO"}, {"class": None}, {}])
def test_survey_without_stars_or_classes_goes_on(classes, place, capsys):
    drawn = write_small_survey(place / "other", 20)
    sheet.write_sheet(_draw(place / "other"), place / "real")
    write_survey(pd.DataFrame({"object_id": drawn.object_id, **classes}), place / "data", {"kind": "mock"})
    (place / "other" / "stamps.h5").rename(place / "data" / "stamps.h5")
    contact_sheet.make_contact_sheet(argparse.Namespace())
    galaxies = classes == {"class": "GALAXY"}
    assert ("no stamps of galaxies or stars" in capsys.readouterr().out) is not galaxies
    for real in (None, sheet.read_sheet(place / "real")):
        ours = contact_sheet.survey_sheet(place / "data", real, SETTINGS)
        assert (ours is not None) is galaxies
        if galaxies:
            assert set(ours.tiles["class"]) == {"GALAXY"}
            assert (ours.rgb[40:] == 255).all()


def test_smaller_stamps_stand_in_the_middle_at_the_same_scale(tmp_path):
    write_small_survey(tmp_path / "s", 20)
    chosen = sheet.spread(sheet.measure(tmp_path / "s"), 4, (16.5, 20.0))
    larger = sheet.draw(tmp_path / "s", chosen, SETTINGS | {"side": 50}, {}).rgb
    assert np.array_equal(larger[5:45, 5:45], sheet.draw(tmp_path / "s", chosen, SETTINGS, {}).rgb[:40, :40])
    assert (larger[:3] == 255).all()


def test_halves_of_another_stretch_are_refused(place):
    write_small_survey(place / "data", 60)
    real = _draw(place / "data")
    real.about["stretch"] = 0.5
    sheet.write_sheet(real, place / "real")
    with pytest.raises(InputError, match=r"drawn with stretch 0\.5, and params\.yaml says 0\.3"):
        contact_sheet.make_contact_sheet(argparse.Namespace())


def test_folder_without_real_stamps_is_refused(place):
    with pytest.raises(InputError, match="no folder sas or kim_brunner_stamps"):
        real_stamps.make_real_sheet(argparse.Namespace(real_data=place))


@pytest.mark.real
def test_real_half_from_the_stamps_of_kim_and_brunner(place, real_data):
    (place / "kim_brunner_stamps").symlink_to(real_data / "kim_brunner_stamps")
    real_stamps.make_real_sheet(argparse.Namespace(real_data=place))
    drawn = sheet.read_sheet(place / "real")
    assert drawn.tiles["class"].value_counts().to_dict() == {"GALAXY": 4, "STAR": 2}
    assert sorted(path.name for path in (place / "real").iterdir()) == ["about.json", "sheet.png", "tiles.csv"]


@pytest.mark.real
@pytest.mark.slow
def test_real_half_from_a_field_of_sdss(place, real_data):
    real_stamps.make_real_sheet(argparse.Namespace(real_data=real_data))
    drawn = sheet.read_sheet(place / "real")
    assert drawn.about["what"] == "stamps cut from SDSS frames"
    assert drawn.tiles["class"].value_counts().to_dict() == {"GALAXY": 4, "STAR": 4}
