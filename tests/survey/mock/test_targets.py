"""Target selection at its edges, and what labels look like."""

import numpy as np
import pandas as pd
import pytest

from analysis.survey.mock import targets
from analysis.survey.mock.parameters import parameters
from analysis.survey.schema import BANDS


def _object(u_g: float, g_r: float, r_i: float, i_z: float, r: float, resolved: float = 1.0) -> pd.DataFrame:
    """One galaxy without extinction, of given colours; `resolved` is psfMag - model magnitude."""
    magnitude = dict(zip(BANDS, (r + g_r + u_g, r + g_r, r, r - r_i, r - r_i - i_z), strict=True))
    row = {"petroR50_r": 1.5}
    for band, value in magnitude.items():
        row |= {f"dered_{band}": value, f"cModelMag_{band}": value, f"petroMag_{band}": value}
        row |= {f"psfMag_{band}": value + resolved, f"fiberMag_{band}": value + 1.0, f"extinction_{band}": 0.0}
    return pd.DataFrame([row])


def _takes(sample: str, table: pd.DataFrame) -> bool:
    return bool(targets.is_target(sample, table)[0])


def test_main_sample_ends_at_17_77_and_needs_a_resolved_object() -> None:
    assert _takes("main", _object(1.5, 0.7, 0.4, 0.3, r=17.76))
    assert not _takes("main", _object(1.5, 0.7, 0.4, 0.3, r=17.78))
    assert not _takes("main", _object(1.5, 0.7, 0.4, 0.3, r=17.0, resolved=0.2))


def test_main_sample_leaves_out_what_a_fibre_cannot_take() -> None:
    galaxy = _object(1.5, 0.7, 0.4, 0.3, r=17.0)
    for radius, taken in ((12.0, True), (13.0, False)):  # 17 + 2.5 log10(2 pi R50^2) = 24.5 at R50 = 12.6 arcsec
        assert _takes("main", galaxy.assign(petroR50_r=radius)) is taken
    for fibre, taken in ((15.01, True), (14.99, False)):  # would spill light onto the neighbouring fibres
        assert _takes("main", galaxy.assign(fiberMag_r=fibre)) is taken


def test_extinction_counts() -> None:
    dusty = _object(1.5, 0.7, 0.4, 0.3, r=17.76)
    dusty["petroMag_r"] += 0.3
    assert not _takes("main", dusty)
    dusty["extinction_r"] = 0.3
    assert _takes("main", dusty)


def test_boss_takes_red_galaxies_of_the_right_distance() -> None:
    assert _takes("cmass", _object(2.0, 1.7, 0.95, 0.45, r=20.4))  # passive at z = 0.5
    assert not _takes("cmass", _object(2.0, 1.7, 0.60, 0.40, r=20.4))  # passive at z = 0.3: d_perp too small
    assert _takes("lowz", _object(2.0, 1.55, 0.55, 0.38, r=18.3))  # passive at z = 0.28
    assert not _takes("lowz", _object(1.2, 0.7, 0.35, 0.25, r=18.3))  # blue


def test_luminous_red_galaxies_have_a_sliding_limit() -> None:
    near = (2.0, 1.4, 0.55, 0.36)
    assert _takes("lrg", _object(*near, r=17.5))
    assert not _takes("lrg", _object(*near, r=19.1))


def test_distant_luminous_red_galaxies_have_a_cut_of_their_own() -> None:
    far = (2.0, 1.65, 0.80, 0.45)  # c_perp = 0.21: redder in r-i than cut I allows
    assert _takes("lrg", _object(*far, r=19.4))
    assert not _takes("lrg", _object(*far, r=19.6))
    assert not _takes("lrg", _object(*far, r=19.4, resolved=0.4))  # cut I asks for 0.3, cut II for 0.5
    assert not _takes("lrg", _object(2.0, 1.45, 0.80, 0.45, r=19.4))  # g-r < 1.30 + 0.25 (r-i): a late star
    assert not _takes("lrg", _object(*far, r=19.4).assign(petroR50_r=4.0))  # mean surface brightness 24.4


def test_labels_of_a_spectroscopic_sample() -> None:
    number, settings = 20_000, parameters()["spectroscopy"]
    table = pd.concat([_object(1.5, 0.7, 0.4, 0.3, r=17.0)] * number, ignore_index=True)
    truth = pd.DataFrame({"class": "GALAXY", "redshift": np.full(number, 0.1)})
    labels = targets.labels(np.random.default_rng(1), "main", truth, table)
    assert labels["redshift"].notna().all()
    good = labels["redshift_warning"] == 0
    assert 1 - good.mean() == pytest.approx(settings["failure_floor"] * settings["failures_warned"], rel=0.4)
    pull = (labels["redshift"] - 0.1)[good] / labels["redshift_err"][good]
    assert (pull.abs() < 3).mean() > 0.995
    assert pull[pull.abs() < 5].std() == pytest.approx(1, abs=0.03)


def test_spectra_of_faint_objects_fail() -> None:
    number = 4_000
    faint = pd.concat([_object(1.5, 0.7, 0.4, 0.3, r=21.5)] * number, ignore_index=True)  # fiberMag_i = 22.1
    truth = pd.DataFrame({"class": "GALAXY", "redshift": np.full(number, 0.5)})
    labels = targets.labels(np.random.default_rng(1), "cmass", truth, faint)
    assert (labels["redshift_warning"] > 0).mean() > 0.4


def test_the_field_is_labelled_only_where_sdss_would_have_targeted() -> None:
    number = 5_000
    bright, faint = (pd.concat([_object(1.5, 0.7, 0.4, 0.3, r=r)] * number, ignore_index=True) for r in (17.0, 20.0))
    truth = pd.DataFrame({"class": "GALAXY", "redshift": np.full(number, 0.1)})
    labelled = [
        targets.labels(np.random.default_rng(1), "field", truth, t)["redshift"].notna() for t in (bright, faint)
    ]
    assert labelled[0].mean() == pytest.approx(parameters()["spectroscopy"]["fibre_completeness"], abs=0.02)
    assert not labelled[1].any()
