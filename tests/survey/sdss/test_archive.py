"""Asking the archive: patience, and distrust of what comes."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from sdss_server import FIELDS, QUERY_PATH

from analysis.survey.sdss.archive import Archive, FetchError, _retry_after
from analysis.survey.sdss.query import page_query
from analysis.survey.sdss.rows import read_page

FRAME = "frame-g-004510-4-0030"


def client(server, **settings) -> Archive:
    return Archive(server.url, f"{server.url}/sas/", **({"pause": 0, "backoff": 0.01, "timeout": 1.0} | settings))


def test_a_query_goes_where_astroquery_sends_it(archive):
    content = client(archive).query(page_query(5, 0), read_page)
    assert content == archive.csv(page_query(5, 0))
    assert archive.log[0][0].startswith(QUERY_PATH)


def test_a_frame_is_where_the_archive_keeps_it(archive, fakes):
    assert client(archive).frame(FIELDS[0], "g") == fakes[0].frames["g"]
    assert archive.log[0][0] == f"/sas/dr17/eboss/photoObj/frames/301/4510/4/{FRAME}.fits.bz2"
    later = Archive(release=18).frame_path(FIELDS[0], "g")
    assert later == f"dr18/prior-surveys/sdss4-dr17-eboss/photoObj/frames/301/4510/4/{FRAME}.fits.bz2"


@pytest.mark.parametrize("fault", ["500", "503", "429", "truncated", "length+", "length-", "html", "slow"])
def test_a_frame_is_asked_for_again_until_it_is_whole(archive, fakes, fault):
    archive.faults = {FRAME: [fault, fault]}
    assert client(archive).frame(FIELDS[0], "g") == fakes[0].frames["g"]
    assert [how for _, how in archive.log][-1] == "200"
    assert len(archive.log) == 3


@pytest.mark.parametrize("fault", ["500", "429", "truncated", "length+", "length-", "html", "slow"])
def test_a_query_is_asked_again_until_its_answer_is_whole(archive, fault):
    archive.faults = {QUERY_PATH: [fault]}
    assert client(archive).query(page_query(50, 0), read_page) == archive.csv(page_query(50, 0))
    assert len(archive.log) == 2


def test_patience_ends(archive):
    archive.faults = {FRAME: ["html"] * 9}
    with pytest.raises(FetchError, match=r"frame-g-004510-4-0030.*no bzip2 file but.*\(3 attempts\)") as caught:
        client(archive, retries=2).frame(FIELDS[0], "g")
    assert not caught.value.absent
    assert len(archive.log) == 3


def test_what_is_not_there_is_asked_for_once(archive):
    archive.files.clear()
    with pytest.raises(FetchError, match="HTTP 404") as caught:
        client(archive).frame(FIELDS[0], "g")
    assert caught.value.absent
    assert len(archive.log) == 1


def test_a_server_that_is_not_there(archive):
    nobody = Archive("http://127.0.0.1:9", "http://127.0.0.1:9", pause=0, backoff=0.01, retries=1)
    with pytest.raises(FetchError, match=r"query: ConnectionError.*refused.*\(2 attempts\)") as caught:
        nobody.query(page_query(1, 0), read_page)
    assert "SELECT" not in str(caught.value)  # the address that urllib3 names holds all of the query


def test_what_is_no_url_is_not_tried_again():
    with pytest.raises(FetchError, match="Invalid URL 'skyserver") as caught:
        Archive("skyserver", "sas", pause=0, backoff=60).query(page_query(1, 0), read_page)
    assert "attempts" not in str(caught.value)


def test_the_server_says_how_long_to_wait(archive):
    archive.faults = {FRAME: ["429"]}
    start = time.monotonic()
    client(archive).frame(FIELDS[0], "g")
    assert time.monotonic() - start > 1.0


def test_retry_after_in_seconds_or_as_a_date():
    def said(text: str) -> float:
        answer = requests.Response()
        answer.headers["Retry-After"] = text
        return _retry_after(answer)

    assert said("7") == 7
    assert said(format_datetime(datetime.now(UTC) + timedelta(seconds=60))) == pytest.approx(60, abs=3)
    assert said("soon") == 0


def test_waits_grow_and_requests_keep_a_distance(archive, monkeypatch):
    waits = []
    monkeypatch.setattr("analysis.survey.sdss.archive.time.sleep", waits.append)
    archive.faults = {FRAME: ["500"] * 4}
    client(archive, backoff=1.0).frame(FIELDS[0], "g")
    backoffs = [wait for wait in waits if wait > 0]
    assert all(2**k / 2 <= wait <= 2**k for k, wait in enumerate(backoffs))
    assert len(backoffs) == 4
    waits.clear()
    polite = client(archive, pause=1.0)
    polite.frame(FIELDS[0], "g")
    polite.frame(FIELDS[0], "g")
    assert 0.5 < max(waits) <= 1.0
