"""A server that has small fields, and the rows that SkyServer would give for their objects."""

from collections.abc import Iterator

import pandas as pd
import pytest
from sdss_frames import FakeField, frame_path, make_field
from sdss_server import FIELDS, FakeArchive, query_rows, serving

from analysis.survey.schema import BANDS


@pytest.fixture(scope="session")
def fakes() -> list[FakeField]:
    return [make_field(name, shape=(340, 300), edge=name.field == 31) for name in FIELDS]


@pytest.fixture
def archive(fakes) -> Iterator[FakeArchive]:
    rows = pd.concat([query_rows(fake) for fake in fakes], ignore_index=True)
    files = {frame_path(fake.name, band): fake.frames[band] for fake in fakes for band in BANDS}
    with serving(FakeArchive(rows, files)) as running:
        yield running
