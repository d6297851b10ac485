"""The 85 features, the labelled sample and its split."""

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

from analysis import features
from analysis.survey.schema import BANDS


def sky_catalogue(objects, seed=0, size=60.0):
    """Galaxies at random over a square of the sky, with g and r magnitudes."""
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "object_id": np.arange(objects),
            "ra": 150 + generator.uniform(0, size, objects),
            "dec": generator.uniform(0, size, objects),
            "redshift": generator.uniform(0.05, 0.8, objects),
            "dered_g": generator.normal(19, 1, objects),
            "dered_r": generator.normal(18, 1, objects),
        }
    )


def test_the_85_names():
    assert len(features.FEATURES) == len(set(features.FEATURES)) == 85
    kinds = pd.Series([name.rsplit("_", 1)[0] for name in features.FEATURES]).value_counts()
    assert dict(kinds) == {
        **dict.fromkeys(("dered", "psfMag", "fiberMag"), 15),  # five magnitudes and ten colours
        **dict.fromkeys(("petroRad", "expRad", "deVRad", "fracDeV", "expAB", "deVAB", "q", "u"), 5),
    }


def test_colours_of_all_pairs_of_bands_bluer_minus_redder():
    catalogue = pd.DataFrame({f"psfMag_{band}": [20.0 + 2**number] for number, band in enumerate(BANDS)})
    colours = features.photometric_features(catalogue).iloc[0].filter(like="-")
    assert len(colours) == 10
    assert colours["psfMag_u-g"] == -1
    assert colours["psfMag_g-z"] == -14


def test_fewer_columns_give_fewer_features_and_nulls_stay():
    catalogue = pd.DataFrame({"dered_g": [20.0, np.nan], "dered_r": [19.0, 18.0], "dered_y": 17.0, "expAB_r": 0.5})
    table = features.photometric_features(catalogue)
    assert list(table) == ["dered_g", "dered_r", "dered_g-r", "expAB_r"]
    assert table["dered_g-r"].isna().tolist() == [False, True]


def test_standard_features_are_psf_ones_or_else_model_ones():
    psf = [name for name in features.FEATURES if name.startswith("psfMag")]
    assert features.standard_features(features.FEATURES) == psf
    assert len(psf) == 15
    model = ["dered_g", "dered_r", "dered_g-r"]
    assert features.standard_features([*model, "psfMag_r", "petroRad_r"]) == model


def test_labelled_galaxies():
    catalogue = sky_catalogue(6)
    catalogue["class"] = ["GALAXY", None, "STAR", "QSO", "GALAXY", "GALAXY"]
    catalogue["redshift_warning"] = [0, 0, 0, 0, 4, 0]
    catalogue.loc[5, ["dered_g", "dered_r"]] = np.nan
    assert features.labelled_galaxies(catalogue, 1)["object_id"].tolist() == [0, 1]


def test_redshift_limits():
    catalogue = sky_catalogue(4).assign(redshift=[0.0, np.nan, 1.2, 0.3])
    assert features.labelled_galaxies(catalogue, 1)["object_id"].tolist() == [3]


def test_duplicates_by_position_near_the_pole_and_across_zero():
    catalogue = sky_catalogue(5)
    catalogue["ra"] = [10.0, 10.004, 0.0, 359.9999, 359.9]  # at dec 89: 0.004 deg of ra is 0.25 arcsec
    catalogue["dec"] = [89.0, 89.0, 0.0, 0.0, 0.0]
    assert features.without_duplicates(catalogue)["object_id"].tolist() == [0, 2, 4]


def test_duplicates_by_number_and_by_magnitudes():
    catalogue = sky_catalogue(4).assign(object_id=[7, 7, 8, 9]).drop(columns=["ra", "dec"])
    catalogue.loc[3, ["dered_g", "dered_r"]] = catalogue.loc[2, ["dered_g", "dered_r"]]
    assert features.without_duplicates(catalogue)["object_id"].tolist() == [7, 8]


def test_an_object_without_position_is_a_duplicate_by_magnitudes_only():
    catalogue = sky_catalogue(5)
    catalogue.loc[[0, 3], "ra"] = np.nan
    catalogue.loc[0, ["dered_g", "dered_r"]] = catalogue.loc[4, ["dered_g", "dered_r"]]
    catalogue.loc[2, ["ra", "dec"]] = catalogue.loc[1, ["ra", "dec"]]
    assert features.without_duplicates(catalogue)["object_id"].tolist() == [1, 3, 4]


def test_split_by_patch_keeps_patches_whole_and_fractions():
    catalogue = sky_catalogue(5000)
    split, how = features.split_sample(catalogue, nside=16, seed=1)
    assert "HEALPix nside 16" in how
    for name, wanted in features.SPLITS.items():
        assert np.mean(split == name) == pytest.approx(wanted, abs=0.03)
    # neighbours within 3 arcmin nearly always share a patch of 3.7 degrees; at random, 44% would
    sky = SkyCoord(catalogue["ra"], catalogue["dec"], unit="deg")
    nearest, distance, _ = sky.match_to_catalog_sky(sky, nthneighbor=2)
    close = distance.arcmin < 3
    assert close.sum() > 20
    assert np.mean(split[close] == split[nearest[close]]) > 0.85


def test_split_depends_on_the_seed_only():
    catalogue = sky_catalogue(3000)
    first, _ = features.split_sample(catalogue, 16, seed=1)
    np.testing.assert_array_equal(first, features.split_sample(catalogue, 16, seed=1)[0])
    assert np.mean(first == features.split_sample(catalogue, 16, seed=2)[0]) < 0.7


def test_small_field_is_split_by_smaller_patches():
    split, how = features.split_sample(sky_catalogue(3000, size=3), nside=16, seed=1)
    assert "patches of sky" in how
    assert "nside 16" not in how
    assert np.mean(split == "train") == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(
    ("lost", "why"), [("nothing", "the sky covered is too small"), ("ra", "no positions"), ("column", "no positions")]
)
def test_split_at_random_says_why(lost, why):
    catalogue = sky_catalogue(1000, size=1e-3)
    if lost == "ra":
        catalogue["ra"] = np.nan
    if lost == "column":
        catalogue = catalogue.drop(columns="dec")
    split, how = features.split_sample(catalogue, nside=16, seed=1)
    assert how.startswith(f"at random ({why}")
    assert [int(np.sum(split == name)) for name in features.SPLITS] == [600, 200, 200]


def test_sky_pixels_group_what_is_near():
    objects = pd.DataFrame({"ra": [10.0, 10.1, 200, np.nan], "dec": [5.0, 5.1, -40, 1]})
    found = features.sky_pixels(objects, 16)
    assert found[0] == found[1] != found[2]
    assert len(set(found)) == 3
    assert len(set(features.sky_pixels(objects[["dec"]], 16))) == 4


def test_a_missing_position_sends_nobody_else_to_a_random_split():
    catalogue = sky_catalogue(5000)
    catalogue.loc[[3, 77], "ra"] = np.nan
    split, how = features.split_sample(catalogue, nside=16, seed=1)
    assert how.endswith("patches of sky (HEALPix nside 16), and 2 objects without position one by one")
    rest = catalogue.drop(index=[3, 77])
    patches = HEALPix(16).lonlat_to_healpix(rest["ra"].to_numpy() * units.deg, rest["dec"].to_numpy() * units.deg)
    assert pd.Series(split[rest.index]).groupby(patches).nunique().max() == 1


def test_what_no_galaxy_has_is_no_feature():
    catalogue = sky_catalogue(10).assign(psfMag_r=np.nan, expAB_r=[0.5] + 9 * [np.nan])
    table = features.sample_with_features(catalogue, 1)
    assert features.feature_names(table) == ["dered_g", "dered_r", "dered_g-r", "expAB_r"]


def test_sample_without_redshifts_is_empty():
    catalogue = sky_catalogue(10).drop(columns="redshift")
    assert len(features.sample_with_features(catalogue, 1)) == 0
