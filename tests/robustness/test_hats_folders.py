"""HATS folders and folders of Parquet that `apply` cannot use: named before anything is computed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.apply.bundle import Bundle
from analysis.apply.sources import Source
from analysis.errors import InputError

PROPERTIES = "obs_collection=toy\ndataproduct_type=object\nhats_nrows=3\nhats_col_ra=ra\nhats_col_dec=dec\n"
PARTITION = "dataset/Norder=0/Dir=0/Npix=4.parquet"


def write_hats(folder: Path) -> Path:
    """Write a HATS catalogue of one partition."""
    (folder / PARTITION).parent.mkdir(parents=True)
    pd.DataFrame({"object_id": [1, 2, 3], "ra": 10.0, "dec": 20.0, "dered_r": 18.0}).to_parquet(folder / PARTITION)
    for name in ("hats.properties", "properties"):
        (folder / name).write_text(PROPERTIES)
    (folder / "partition_info.csv").write_text("Norder,Npix\n0,4\n")
    return folder


def rewrite(name: str, text: str | bytes) -> Callable[[Path], object]:
    """Return what replaces a file of a folder."""
    return lambda folder: (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def of_elsewhere(folder: Path) -> None:
    """Make a collection whose catalogue lies outside of it."""
    write_hats(folder.parent / "elsewhere")
    shutil.rmtree(folder)
    folder.mkdir()
    about = "obs_collection=toy\nhats_primary_table_url=../elsewhere\n"
    (folder / "collection.properties").write_text(about)


def without(name: str) -> Callable[[Path], object]:
    """Return what deletes a file or folder of a folder."""
    return lambda folder: shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


def of_nothing(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def look(folder: Path, columns_map: Path | None = None) -> Source:
    source = Source.of(str(folder), columns_map)
    return source if source.is_foreign else source.cut(source.footers(None), 1000)


def test_a_good_one_is_read(tmp_path):
    source = look(write_hats(tmp_path / "here"))
    assert (source.rows, source.pixels) == (3, [(0, 4)])


@pytest.mark.parametrize(
    ("kind", "says", "change"),
    [
        ("no-such-file", "no such file or folder", shutil.rmtree),
        ("no-such-file", "no Parquet file", of_nothing),
        ("no-such-file", "expected the partition", without(PARTITION)),
        ("damaged-file", "cannot be read as Parquet", rewrite(PARTITION, b"PAR1 and then nothing")),
        ("damaged-file", "cannot be read as Parquet", rewrite(PARTITION, "")),
        ("damaged-file", "not a readable HATS catalogue", rewrite("hats.properties", "nothing\n")),
        ("damaged-file", "not a readable HATS catalogue", rewrite("hats.properties", b"\xff\xfe\x00")),
        ("damaged-file", "not a readable HATS catalogue", rewrite("partition_info.csv", "order,pixel\n0,4\n")),
        ("damaged-file", "not a readable HATS catalogue", rewrite("partition_info.csv", "Norder,Npix\nzero,four\n")),
        ("no-such-file", "expected the partition", rewrite("partition_info.csv", "Norder,Npix\n0,4\n0,5\n")),
        ("leads-outside", "lies outside of it", of_elsewhere),
    ],
)
def test_a_folder_that_cannot_be_used(kind, says, change, tmp_path, outcomes):
    folder = write_hats(tmp_path / "here")
    change(folder)
    with pytest.raises(InputError, match=says) as error:
        look(folder)
    assert error.value.kind == kind
    assert not (tmp_path / "ingested").exists()
    outcomes["malformed_inputs"].append(f"hats: {says}")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_models_that_are_none(content, tmp_path, outcomes):
    (tmp_path / "about.json").write_text(content)
    with pytest.raises(InputError) as error:
        Bundle.load(tmp_path)
    assert error.value.kind in ("damaged-file", "no-such-file")
    outcomes["malformed_inputs"].append(f"models of apply: {content!r}")
