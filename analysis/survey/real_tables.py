"""The real tables: what they are, and their way into the compendium, through the same door as any survey."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis import paths
from analysis.errors import InputError
from analysis.survey.catalogue import read_catalogue, sha256
from analysis.survey.ingest import ingest


class RealTable(NamedTuple):
    """A real table: its folder (also the result's name), files, columns map, and what it is."""

    name: str
    files: tuple[str, ...]
    map: str
    what: str


TABLES = (
    RealTable(
        "boss_dr10",
        (
            "train_boss_dr10_0.csv",
            "train_boss_dr10_1.csv",
            "train_boss_dr10_3.csv",
            "eval_boss_dr10_eval0.csv",
        ),
        "boss_dr10.yaml",
        "SDSS/BOSS DR10 galaxies, magnitudes (ANNZ's example set)",
    ),
    RealTable(
        "sdss_mgs",
        ("SDSS_MGS.train", "SDSS_MGS.test"),
        "sdss_mgs.yaml",
        "SDSS main galaxy sample, magnitudes (MLZ/TPZ's example set)",
    ),
    RealTable(
        "galaxyzoo1_table",
        ("galaxies.csv",),
        "galaxyzoo1_table.yaml",
        "SDSS DR7 galaxies of Galaxy Zoo 1, magnitudes, radii and axis ratios in r",
    ),
    RealTable(
        "star_galaxy_sdss",
        (
            "train_sgCatalogue_galaxy_0.txt",
            "train_sgCatalogue_galaxy_1.txt",
            "train_sgCatalogue_galaxy_2.txt",
            "eval_sgCatalogue_galaxy.txt",
        ),
        "star_galaxy_sdss.yaml",
        "SDSS stars and galaxies, r band only (ANNZ's example set); its galaxies",
    ),
    RealTable(
        "sdss_spectro_10k",
        ("sdss_spectro_10k.csv",),
        "sdss_spectro_10k.yaml",
        "SDSS DR14 objects with spectra, model magnitudes; the galaxies among them",
    ),
    RealTable(
        "dc2_sim",
        ("test_dc2_training_9816.hdf5", "test_dc2_validation_9816.hdf5"),
        "dc2_sim.yaml",
        "simulated, not observed: LSST DESC DC2 magnitudes (RAIL's test data)",
    ),
)


def table(name: str) -> RealTable:
    """Return one of `TABLES` by its name."""
    return next(one for one in TABLES if one.name == name)


@contextmanager
def ingested(table: RealTable, real_data: Path) -> Iterator[pd.DataFrame]:
    """Bring a real table through the door into a temporary survey; yield its catalogue.

    Raises
    ------
    InputError
        If a file is missing, or breaks the contract.
    """
    files = [real_data / table.name / name for name in table.files]
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise InputError(f"{missing[0]}: no such file; expected the folder of real tables at {real_data}")
    with tempfile.TemporaryDirectory() as temporary:
        survey = Path(temporary) / table.name
        ingest(files, paths.COLUMN_MAPS / table.map, survey)
        yield read_catalogue(survey)


def provenance(table: RealTable, real_data: Path) -> dict[str, Any]:
    """Return what a table is, where it is from (SOURCE.txt beside it) and its files' checksums."""
    folder = real_data / table.name
    lines = (folder / "SOURCE.txt").read_text().splitlines()
    source = next((line.partition(":")[2].strip() for line in lines if line.startswith("repository:")), "not stated")
    return {
        "what": table.what,
        "source": source,
        "files": {name: sha256(folder / name) for name in table.files},
    }
