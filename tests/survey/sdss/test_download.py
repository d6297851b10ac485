"""The whole way from the archive to a survey folder: complete, patient, and the same after a crash."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sdss_frames import FakeField
from sdss_server import FIELDS, QUERY_PATH, FakeArchive, fetch, files_below, query_rows, serving

from analysis.__main__ import main
from analysis.errors import InputError
from analysis.survey.catalogue import read_catalogue, sha256
from analysis.survey.sdss.archive import Archive
from analysis.survey.sdss.download import Request, download
from analysis.survey.stamps_file import read_stamps
from analysis.survey.validate import summarise


def provenance(out: Path) -> dict:
    return json.loads((out / "provenance.json").read_text())


def test_a_sample_with_stamps(whole):
    out, archive, printed = whole
    number = len(archive.rows)
    assert f"{number} objects in 3 fields; 3 fields to fetch, 15 frames, about 48 MB" in printed
    catalogue, stamps = read_catalogue(out), read_stamps(out / "stamps.h5")
    assert catalogue["object_id"].astype(str).tolist() == archive.rows["objID"].tolist()
    assert set(stamps.object_id) < set(catalogue["object_id"])
    at_edge = set(catalogue["object_id"]) - set(stamps.object_id)
    assert set(provenance(out)["left_out"]) == set(map(str, at_edge))
    assert len(at_edge) == 1
    summary = summarise(out)
    assert summary["provenance"]["kind"] == "sdss"
    assert summary["missing_columns"] == []
    assert os.listdir(out.parent) == ["whole"]


def test_stamps_show_the_flux_of_the_catalogue(whole):
    stamps = read_stamps(whole[0] / "stamps.h5")
    catalogue = read_catalogue(whole[0]).set_index("object_id").loc[stamps.object_id]
    stars = catalogue["class"].astype(str) == "STAR"
    flux = stamps.pixels[:, 2, 12:32, 12:32].sum(axis=(1, 2))
    magnitude = 22.5 - 2.5 * np.log10(flux)
    assert np.abs((magnitude - catalogue["psfMag_r"])[stars]).median() < 0.05


def test_nothing_is_fetched_twice_and_everything_is_recorded(whole):
    out, archive, _ = whole
    assert len(archive.answered()) == len(set(archive.answered()))
    record = provenance(out)
    assert len([name for name in record["fetched"] if "frame-" in name]) == 15
    content = archive.files["dr17/eboss/photoObj/frames/301/4510/4/frame-r-004510-4-0030.fits.bz2"]
    name = "frames/dr17/eboss/photoObj/frames/301/4510/4/frame-r-004510-4-0030.fits.bz2"
    assert record["fetched"][name]["bytes"] == len(content)
    assert "SELECT TOP" in record["query"]
    assert record["failed_fields"] == {}
    assert record["counts"]["objects"] == len(archive.rows)


def test_objects_come_field_by_field_up_to_the_limit(archive, fakes, tmp_path):
    fetch(archive, tmp_path / "out", limit=5)
    first = query_rows(fakes[0])["objID"].astype(int).tolist()[:5]
    assert read_catalogue(tmp_path / "out")["object_id"].tolist() == first
    assert len([address for address in archive.answered() if "frame-" in address]) == 5


def test_it_lives_through_every_fault(archive, whole, tmp_path):
    archive.faults = {
        QUERY_PATH: ["500", "html", "", "truncated"],
        "frame-u": ["429", "truncated"],
        "frame-g": ["length+"],
        "frame-r": ["", "html", "500"],
        "frame-i": ["length-"],
        "frame-z": ["slow"],
    }
    fetch(archive, tmp_path / "stormy")
    assert not any(archive.faults.values()), "a fault never happened"
    for name in ("catalogue.parquet", "stamps.h5"):
        assert sha256(whole[0] / name) == sha256(tmp_path / "stormy" / name)


def test_a_field_that_cannot_be_had_is_reported_and_the_rest_is_kept(archive, fakes, tmp_path):
    archive.faults = {"frame-i-004510-4-0030": ["html"] * 99}
    del archive.files["dr17/eboss/photoObj/frames/301/4510/5/frame-g-004510-5-0012.fits.bz2"]
    printed = fetch(archive, tmp_path / "out")
    failed = provenance(tmp_path / "out")["failed_fields"]
    assert list(failed) == ["004510-4-0030", "004510-5-0012"]
    assert "HTTP 404" in failed["004510-5-0012"]["reason"]
    assert failed["004510-4-0030"]["object_id"] == query_rows(fakes[0])["objID"].astype(int).tolist()
    assert "no stamps of field 004510-5-0012" in printed
    assert str(failed["004510-5-0012"]["object_id"][0]) in printed
    assert len(read_catalogue(tmp_path / "out")) == len(archive.rows)
    stamps = read_stamps(tmp_path / "out" / "stamps.h5")
    assert set(stamps.object_id) <= set(query_rows(fakes[1])["objID"].astype(int))
    assert len(stamps.object_id) > 5


def test_an_archive_that_is_down_stops_the_download_and_resume_goes_on(archive, tmp_path):
    archive.faults = {"frame-": ["503"] * 9}
    with pytest.raises(InputError, match=r"3 fields in a row; try again later with --resume"):
        fetch(archive, tmp_path / "out")
    asked = [address for address in archive.answered() if QUERY_PATH in address]
    with pytest.raises(InputError, match="--resume continues it"):
        fetch(archive, tmp_path / "out")
    fetch(archive, tmp_path / "out", resume=True)
    assert [address for address in archive.answered() if QUERY_PATH in address] == asked
    assert len(read_stamps(tmp_path / "out" / "stamps.h5").object_id) > 30


def test_a_sample_without_any_stamp_is_a_catalogue(archive, tmp_path):
    archive.files.clear()
    fetch(archive, tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == ["catalogue.parquet", "provenance.json"]


def test_frames_can_be_kept_as_a_mirror(archive, tmp_path):
    fetch(archive, tmp_path / "out", keep_frames=True, limit=5)
    kept = files_below(tmp_path / "out.download" / "frames")
    assert kept == {name: archive.files[name] for name in kept}
    assert len(kept) == 5


def test_a_folder_that_exists_is_left_alone(archive, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="exists already"):
        fetch(archive, tmp_path / "out")
    assert archive.log == []


def command(archive: FakeArchive, out: Path, *more: str) -> list[str]:
    servers = ["--skyserver", archive.url, "--sas", f"{archive.url}/sas"]
    return ["survey", "sdss", "--limit", "1000", "--page", "10", "--pause", "0", "--out", str(out), *servers, *more]


def killed_while(archive: FakeArchive, part: str, out: Path, *more: str) -> None:
    """Run the client in a process of its own; kill it while the server leaves a request for `part` open."""
    archive.hanging.clear()
    archive.faults = {part: ["hang"]}
    process = subprocess.Popen(
        [sys.executable, "-m", "analysis", *command(archive, out, *more)],
        cwd=Path(__file__).parents[3],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert archive.hanging.wait(60), "the client never asked"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_killed_at_two_places_it_resumes_without_fetching_twice(archive, whole, tmp_path):
    killed_while(archive, "objID+%3E+" + archive.rows["objID"][9], tmp_path / "out")  # the second page
    killed_while(archive, "frame-i-004510-4-0031", tmp_path / "out", "--resume")
    assert not (tmp_path / "out").exists()
    assert main(command(archive, tmp_path / "out", "--resume")) == 0
    answered = archive.answered()
    assert len(answered) == len(set(answered))
    for name in ("catalogue.parquet", "stamps.h5"):
        assert (tmp_path / "out" / name).read_bytes() == (whole[0] / name).read_bytes()
    assert provenance(tmp_path / "out") == provenance(whole[0]) | {"source": provenance(tmp_path / "out")["source"]}
    assert os.listdir(tmp_path) == ["out"]


def test_the_servers_can_be_named_in_the_environment(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("SDSS_SKYSERVER", archive.url)
    monkeypatch.setenv("SDSS_SAS", f"{archive.url}/sas")
    arguments = ["survey", "sdss", "--limit", "3", "--pause", "0", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert len(read_catalogue(tmp_path / "out")) == 3


@pytest.mark.real
def test_real_frames_over_http(real_data, tmp_path):
    """The real field, served in the archive's layout: stamps of the listed stars show the flux that the list says."""
    from astropy.table import Table

    folder = real_data / "sas"
    listed = Table.read(next(folder.rglob("calibObj-*-star.fits.gz")))
    listed = listed[(listed["FIELD"] == FIELDS[0].field) & (listed["PSFFLUX"][:, 2] > 10)]
    objects = {"ra": listed["RA"], "dec": listed["DEC"], "flux": listed["PSFFLUX"][:, 2].astype(float)}
    stars = Table(objects).to_pandas().assign(**{"class": "STAR"})
    fake = FakeField(FIELDS[0], {}, stars)
    with serving(FakeArchive(query_rows(fake), files_below(folder))) as server:
        fetch(server, tmp_path / "out")
    stamps = read_stamps(tmp_path / "out" / "stamps.h5")
    assert len(stamps.object_id) == len(stars)
    magnitude = 22.5 - 2.5 * np.log10(stamps.pixels[:, 2, 12:32, 12:32].sum(axis=(1, 2)))
    assert abs(np.median(magnitude - read_catalogue(tmp_path / "out")["psfMag_r"])) < 0.05


@pytest.mark.remote
def test_the_real_archive_answers(tmp_path):
    """One tiny query and one field of frames."""
    if not os.environ.get("SDSS_REMOTE"):
        pytest.skip("SDSS_REMOTE is not set: the test of the real archive did not run")
    download(Request(limit=3, out=tmp_path / "out"), Archive())
    assert len(read_catalogue(tmp_path / "out")) == 3
    assert (tmp_path / "out" / "stamps.h5").is_file()
