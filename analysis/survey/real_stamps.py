"""The real half of the contact sheet: real stamps through the doors into a temporary survey, and a picture of some."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from analysis import params, paths
from analysis.errors import InputError
from analysis.survey.catalogue import read_provenance
from analysis.survey.foreign_stamps import Options
from analysis.survey.ingest_stamps import ingest_stamps
from analysis.survey.sheet import REAL_SHEET, draw, measure, spread, write_sheet


def _field(folder: Path, out: Path) -> None:
    from analysis.survey.ingest_frames import ingest_frames  # sep is needed here alone

    positions = sorted(folder.glob("**/calibObj-*-star.fits.gz"))
    ingest_frames(folder, positions, out, skip_bad=True)


def _kim_brunner(folder: Path, out: Path) -> None:
    options = Options(
        labels=folder / "sdss_test_labels.npy",
        columns=paths.COLUMN_MAPS / "kim_brunner_stamps.yaml",
        pixels="luptitudes",
        subtract_sky=True,
    )
    ingest_stamps([folder / "sdss_test_images.npy"], out, options)


class RealStamps(NamedTuple):
    """Real stamps: their folder, whose they are, what they are, and the door that they go through."""

    folder: str
    name: str
    what: str
    ingest: Callable[[Path, Path], None]


SOURCES = (  # the first that is there is shown
    RealStamps("sas", "SDSS", "stamps cut from SDSS frames", _field),
    RealStamps("kim_brunner_stamps", "SDSS", "SDSS stamps of Kim & Brunner (2017)", _kim_brunner),
)


def make_real_sheet(options: argparse.Namespace) -> None:
    """Real stamps -> results/real/stamps/: a picture, and magnitudes by tile; never pixels in nanomaggies."""
    settings = params.load("plot_stamps")
    source = next((source for source in SOURCES if (options.real_data / source.folder).is_dir()), None)
    if source is None:
        folders = " or ".join(source.folder for source in SOURCES)
        raise InputError(f"{options.real_data}: no folder {folders}; expected the folder of real data")
    print(f"{source.folder}: {source.what}")
    with tempfile.TemporaryDirectory() as temporary:
        survey = Path(temporary) / source.folder
        source.ingest(options.real_data / source.folder, survey)
        chosen = spread(measure(survey), settings["columns"], tuple(settings["r_limits"]))
        if chosen.empty:
            raise InputError(f"{source.folder}: no galaxy or star between r of {settings['r_limits']}; expected some")
        about = {"name": source.name, "what": source.what, "provenance": read_provenance(survey)["source"]}
        write_sheet(draw(survey, chosen, settings, about), REAL_SHEET)
