"""A server that has small fields, and the rows that SkyServer would give for their objects."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sdss_frames import FakeField, frame_path, make_field
from sdss_server import FIELDS, FakeArchive, fetch, query_rows, serving

from analysis.survey.schema import BANDS


@pytest.fixture(scope="session")
def fakes() -> list[FakeField]:
    return [make_field(name, shape=(340, 300), edge=name.field == 31) for name in FIELDS]


def archive_of(fakes: list[FakeField]) -> FakeArchive:
    rows = pd.concat([query_rows(fake) for fake in fakes], ignore_index=True)
    return FakeArchive(rows, {frame_path(fake.name, band): fake.frames[band] for fake in fakes for band in BANDS})


@pytest.fixture
def archive(fakes) -> Iterator[FakeArchive]:
    """Return a server of its own for each test, for a test may spoil it."""
    with serving(archive_of(fakes)) as running:
        yield running


@pytest.fixture(scope="session")
def whole(fakes, tmp_path_factory) -> tuple[Path, FakeArchive, str]:
    """Return all that the archive has, as a survey folder; the server, which nothing disturbed; what was printed."""
    folder = tmp_path_factory.mktemp("sdss") / "whole"
    with serving(archive_of(fakes)) as running:
        return folder, running, fetch(running, folder)
