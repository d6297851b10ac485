"""From a local mirror of frames and lists of positions to a survey folder."""

import json

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from sdss_frames import COLOURS, NAME, FakeField, make_field

from analysis.errors import InputError
from analysis.survey.catalogue import read_catalogue
from analysis.survey.frame_positions import read_positions, sdss_object_id
from analysis.survey.frames import FieldId, cut, read_field
from analysis.survey.ingest_frames import find_fields, ingest_frames
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE, SIDE, read_stamps
from analysis.survey.validate import summarise


def calib_obj(fake: FakeField) -> Table:
    """Make SDSS's list of the field's point sources, and of one in a field that the mirror does not have."""
    stars = fake.objects[fake.objects["class"] == "STAR"]
    flux = stars["flux"].to_numpy()[:, None] * np.array([COLOURS[band] for band in BANDS])
    number = len(stars)
    where = [fake.name.run, str(fake.name.rerun), fake.name.camcol, fake.name.field]
    table = Table(
        {key: [value] * number for key, value in zip(["RUN", "RERUN", "CAMCOL", "FIELD"], where, strict=True)}
    )
    table["ID"] = np.arange(1, number + 1, dtype=np.int16)
    table["RA"], table["DEC"] = stars["ra"].to_numpy(), stars["dec"].to_numpy()
    table["PSFFLUX"] = flux.astype(np.float32)
    table["EXTINCTION"] = np.linspace(0.05, 0.09, number)[:, None] * np.ones(5, np.float32)
    table.add_row([4510, "301", 4, 99, 1, 10.0, 10.0, np.full(5, 100.0), np.full(5, 0.1)])
    return table


@pytest.fixture(scope="module")
def fake() -> FakeField:
    return make_field(NAME, seed=2, edge=True)


@pytest.fixture
def mirror(fake, tmp_path):
    fake.write(tmp_path / "sas")
    calib_obj(fake).write(tmp_path / "sas" / "calibObj-004510-4-star.fits.gz")
    return tmp_path / "sas"


@pytest.fixture
def positions(mirror):
    return [mirror / "calibObj-004510-4-star.fits.gz"]


def test_an_sdss_object_id_is_packed_as_the_archive_packs_it():
    # the object of astroquery's documentation, at 0h8m05.63s +14d50m23.3s
    assert sdss_object_id(FieldId(1739, 3, 315), np.array([116])) == 1237652943176138868


def test_stars_are_those_of_the_list_and_galaxies_what_it_lacks(mirror, positions, fake, tmp_path):
    ingest_frames(mirror, positions, tmp_path / "out", skip_bad=True)
    catalogue = read_catalogue(tmp_path / "out")
    true = fake.objects[fake.objects["x"] > 20]  # without the one at the edge
    classes = catalogue["class"].astype(str)
    away = np.hypot(
        (catalogue["ra"].to_numpy()[:, None] - true["ra"].to_numpy()) * np.cos(np.radians(30)),
        catalogue["dec"].to_numpy()[:, None] - true["dec"].to_numpy(),
    )
    assert away.min(axis=1).max() * 3600 < 1.0
    assert (true["class"].to_numpy()[away.argmin(axis=1)] == classes).all()
    assert (classes == "STAR").sum() == (true["class"] == "STAR").sum()
    stamps = read_stamps(tmp_path / "out" / "stamps.h5")
    assert (stamps.object_id == catalogue["object_id"]).all()
    assert stamps.pixels.shape[1:] == (len(BANDS), SIDE, SIDE)
    summary = summarise(tmp_path / "out")
    assert summary["stamps"] and summary["provenance"]["kind"] == "ingested"


def test_both_classes_have_the_same_columns_filled(mirror, positions, tmp_path):
    ingest_frames(mirror, positions, tmp_path / "out", skip_bad=True)
    catalogue = read_catalogue(tmp_path / "out")
    filled = catalogue.drop(columns="class").notna().groupby(catalogue["class"].astype(str)).mean()
    assert (filled.loc["STAR"] == filled.loc["GALAXY"]).all(), "a missing value must not tell the class"


def test_provenance_says_what_was_used_and_left_out(mirror, positions, tmp_path):
    ingest_frames(mirror, positions, tmp_path / "out", skip_bad=True)
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert "agreement with SDSS's own cut" in provenance["notes"]
    assert [field["field"] for field in provenance["fields"]] == ["004510-4-0030"]
    assert len(provenance["fields"][0]["sha256"]) == 5
    assert len(provenance["left_out"]) == 1
    assert "edge of the frame" in next(iter(provenance["left_out"].values()))


def test_an_object_at_the_edge_is_an_error_unless_it_may_be_skipped(mirror, positions, fake, tmp_path):
    number = sdss_object_id(NAME, np.array([(fake.objects["class"] == "STAR").sum()]))[0]
    with pytest.raises(InputError, match=rf"object {number}: field 004510-4-0030: .*edge of the frame.*--skip-bad"):
        ingest_frames(mirror, positions, tmp_path / "out", skip_bad=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sas"]


def test_a_table_of_positions(mirror, fake, tmp_path):
    table = pd.DataFrame({"objID": 0, "RA": fake.objects["ra"], "Dec": fake.objects["dec"], "redshift": 0.1})
    table["object_id"] = 7_000_000_000 + np.arange(len(table))
    table["class"] = fake.objects["class"]
    table.iloc[:-1].to_csv(tmp_path / "mine.csv", index=False)
    ingest_frames(mirror, [tmp_path / "mine.csv"], tmp_path / "out", skip_bad=False)
    catalogue = read_catalogue(tmp_path / "out")
    assert list(catalogue.columns) == ["object_id", "ra", "dec", "class", "redshift"]
    assert (catalogue["object_id"] == table["object_id"].iloc[:-1]).all()


def test_a_position_in_no_frame(mirror, tmp_path):
    (tmp_path / "mine.csv").write_text("object_id,ra,dec\n5,156.0,30.0\n6,10.0,-5.0\n")
    with pytest.raises(InputError, match="object 6: in none of the mirror's frames"):
        ingest_frames(mirror, [tmp_path / "mine.csv"], tmp_path / "out", skip_bad=False)
    ingest_frames(mirror, [tmp_path / "mine.csv"], tmp_path / "out", skip_bad=True)
    assert read_catalogue(tmp_path / "out")["object_id"].tolist() == [5]


def test_lists_that_are_none(mirror, tmp_path):
    (tmp_path / "mine.csv").write_text("object_id,rightasc,dec\n5,156.0,30.0\n")
    with pytest.raises(InputError, match=r"mine\.csv: no column 'ra'"):
        read_positions(tmp_path / "mine.csv")
    with pytest.raises(InputError, match="no list of positions"):
        ingest_frames(mirror, [], tmp_path / "out", skip_bad=False)
    (tmp_path / "mine.csv").write_text("object_id,ra,dec\n5,156.0,30.0\n")
    with pytest.raises(InputError, match="object_id 5 comes twice"):
        ingest_frames(mirror, [tmp_path / "mine.csv"] * 2, tmp_path / "out", skip_bad=False)


def test_mirrors_that_are_none(mirror, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        find_fields(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no frames here"):
        find_fields(tmp_path / "empty")


def test_a_field_that_cannot_be_used(mirror, positions, tmp_path):
    other = make_field(FieldId(4510, 4, 31), seed=2)
    other.write(mirror)
    calib_obj(other)[:-1].write(mirror / "calibObj-2.fits")
    lists = [*positions, mirror / "calibObj-2.fits"]
    broken = next(mirror.rglob("frame-i-*0031*"))
    broken.write_bytes(broken.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"frame-i-004510-4-0031.*cut short"):
        ingest_frames(mirror, lists, tmp_path / "out", skip_bad=False)
    broken.unlink()
    with pytest.raises(InputError, match="field 004510-4-0031 has no frame in i"):
        ingest_frames(mirror, lists, tmp_path / "out", skip_bad=False)
    ingest_frames(mirror, lists, tmp_path / "out", skip_bad=True)
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert list(record["failed_fields"]) == ["004510-4-0031"]
    assert len(read_stamps(tmp_path / "out" / "stamps.h5").object_id) == record["counts"]["objects"]


@pytest.mark.real
def test_sdss_field_agrees_with_sdss_itself(real_data, tmp_path):
    """One real field: counts, magnitudes against the list's own, PSF and noise against SDSS's, centring."""
    path = next((real_data / "sas").rglob("calibObj-*-star.fits.gz"))
    ingest_frames(real_data / "sas", [path], tmp_path / "out", skip_bad=False)
    catalogue = read_catalogue(tmp_path / "out")
    listed = Table.read(path)
    name, paths = next(iter(find_fields(real_data / "sas").items()))
    listed = listed[(listed["RUN"] == name.run) & (listed["CAMCOL"] == name.camcol) & (listed["FIELD"] == name.field)]
    flux = np.asarray(listed["PSFFLUX"]).astype(float)
    assert (catalogue["class"] == "STAR").sum() == (flux[:, 2] > 10 ** (0.4 * 1.5)).sum()  # r < 21
    assert (catalogue["class"] == "GALAXY").sum() > 40

    stars = catalogue[catalogue["class"] == "STAR"].set_index("object_id")
    theirs = pd.DataFrame(flux, index=sdss_object_id(name, np.asarray(listed["ID"]))).loc[stars.index]
    for number, band in enumerate(BANDS):
        magnitude = 22.5 - 2.5 * np.log10(theirs[number].clip(1e-3))
        difference = (stars[f"psfMag_{band}"] - magnitude)[magnitude.between(16, 20)]
        assert len(difference) >= 10
        assert abs(difference.median()) < 0.05, band
        assert 1.4826 * (difference - difference.median()).abs().median() < 0.03, band

    stamps = read_stamps(tmp_path / "out" / "stamps.h5")
    assert ((stamps.psf_fwhm > 0.8) & (stamps.psf_fwhm < 2)).all()
    # SDSS's width is that of a Gaussian fitted to wings too
    ratio = stamps.psf_fwhm[0] / np.median(listed["PSF_FWHM"], axis=0)
    assert ratio == pytest.approx(np.full(5, 0.92), abs=0.06)
    assert_centred(paths, listed)


def assert_centred(paths, listed: Table) -> None:
    """Bright stars are, by their light through a Gaussian window, at the centre in every band."""
    cutouts = cut(read_field(paths), np.asarray(listed["RA"]), np.asarray(listed["DEC"]))
    listed = listed[cutouts.kept]
    offset = np.arange(SIDE) - (SIDE - 1) / 2
    light = cutouts.pixels * np.exp(-(offset[:, None] ** 2 + offset**2) / 8)
    total = light.sum(axis=(2, 3))
    # twice, for the window pulls the centroid half-way back
    x, y = 2 * (light * offset).sum(axis=(2, 3)) / total, 2 * (light * offset[:, None]).sum(axis=(2, 3)) / total
    flux = np.asarray(listed["PSFFLUX"])
    good = (flux > 10 ** (0.4 * 3.5)) & (flux < 10 ** (0.4 * 6.5))  # 16 to 19 mag
    assert good.sum(axis=0).min() >= 5
    for band in range(len(BANDS)):
        away = np.hypot(x, y)[good[:, band], band]
        assert np.median(away) < 0.15
        assert np.quantile(away, 0.9) < 0.3


@pytest.mark.real
def test_sky_noise_is_what_sdss_expects(real_data):
    """Against the noise model of the frame's data model: the sky's counts over the gain, plus the dark variance."""
    from astropy.io import fits

    gain, dark = [1.6, 3.995, 4.76, 4.885, 4.775], [12.6025, 1.96, 1.3225, 7.5625, 12.6025]  # camera column 4
    _, paths = next(iter(find_fields(real_data / "sas").items()))
    for number, frame in enumerate(read_field(paths)):
        with fits.open(paths[BANDS[number]]) as hdus:
            calibration, sky = np.median(hdus[1].data), np.median(hdus[2].data["ALLSKY"])
        expected = calibration * np.sqrt(sky / gain[number] + dark[number])
        assert np.median(frame.sky_noise) == pytest.approx(expected, rel=0.08)
        assert abs(frame.wcs.proj_plane_pixel_scales()[0].to_value("arcsec") - PIXEL_SCALE) < 1e-3
