"""Fields of the sky."""

import numpy as np
import pandas as pd
import pytest

from analysis.survey.mock import fields
from analysis.survey.mock.parameters import parameters


def test_fields_are_the_seeds() -> None:
    pd.testing.assert_frame_equal(fields.draw_fields(5), fields.draw_fields(5))
    assert not np.array_equal(fields.draw_fields(5)["field_ra"], fields.draw_fields(6)["field_ra"])


def test_seeing_and_dust_are_those_of_the_sky() -> None:
    sky = pd.concat([fields.draw_fields(seed) for seed in range(10)])
    assert sky[fields.SEEING].median().to_numpy() == pytest.approx(parameters()["camera"]["seeing_fwhm"], rel=0.02)
    low, high = sky[sky["sin_b"] < 0.6], sky[sky["sin_b"] > 0.9]
    assert low["extinction_r"].median() > 1.4 * high["extinction_r"].median()
    reddening = parameters()["fields"]["reddening"]
    assert (sky["extinction_g"] / sky["extinction_r"]).to_numpy() == pytest.approx(reddening[1] / reddening[2])


def test_stars_crowd_toward_the_plane_and_galaxies_do_not() -> None:
    sky, number = fields.draw_fields(2), 40_000
    truth = pd.DataFrame({"class": ["STAR"] * number + ["GALAXY"] * number})
    placed = fields.place(np.random.default_rng(1), truth, sky)
    stars, galaxies = (placed.loc[placed["class"] == kind, "sin_b"] for kind in ("STAR", "GALAXY"))
    assert galaxies.mean() == pytest.approx(sky["sin_b"].mean(), abs=0.005)
    assert stars.mean() < galaxies.mean() - 0.01


def test_objects_lie_inside_their_field() -> None:
    sky, settings = fields.draw_fields(2), parameters()["fields"]
    placed = fields.place(np.random.default_rng(1), pd.DataFrame({"class": ["GALAXY"] * 1000}), sky)
    centre = sky.iloc[placed["field"]].reset_index(drop=True)
    assert (placed["dec"] - centre["field_dec"]).abs().max() <= settings["height_deg"] / 2
    width = (placed["ra"] - centre["field_ra"]).abs() * np.cos(np.radians(placed["dec"]))
    assert width.max() <= settings["width_deg"] / 2 + 1e-9
