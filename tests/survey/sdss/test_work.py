"""The folder that outlives a crash."""

import pytest

from analysis.errors import InputError
from analysis.survey.sdss.work import Work

SETTINGS = {"limit": 10, "query": "SELECT"}


def test_what_was_written_is_there_for_the_next_process(tmp_path):
    Work(tmp_path / "w", SETTINGS, resume=False).write("pages/0.csv", b"abc")
    again = Work(tmp_path / "w", SETTINGS, resume=True)
    assert again.has("pages/0.csv")
    assert again.read("pages/0.csv") == b"abc"
    assert not again.has("pages/1.csv")


def test_a_file_that_has_changed_is_not_there(tmp_path):
    work = Work(tmp_path / "w", SETTINGS, resume=False)
    work.write("a", b"abc")
    (tmp_path / "w" / "a").write_bytes(b"abd")
    assert not work.has("a")
    work.drop("a")
    assert not work.has("a")
    assert work.ledger["a"]["bytes"] == 3


def test_a_ledger_cut_short_loses_its_last_line_only(tmp_path):
    work = Work(tmp_path / "w", SETTINGS, resume=False)
    work.write("a", b"abc")
    work.write("b", b"abc")
    ledger = tmp_path / "w" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-20])
    again = Work(tmp_path / "w", SETTINGS, resume=True)
    assert again.has("a") and not again.has("b")
    again.write("b", b"xyz")
    assert Work(tmp_path / "w", SETTINGS, resume=True).has("b")


def test_an_earlier_download_is_neither_overwritten_nor_mixed(tmp_path):
    Work(tmp_path / "w", SETTINGS, resume=False)
    with pytest.raises(InputError, match="--resume continues it"):
        Work(tmp_path / "w", SETTINGS, resume=False)
    with pytest.raises(InputError, match="was begun with limit 10, not 20"):
        Work(tmp_path / "w", SETTINGS | {"limit": 20}, resume=True)
