"""The command group `survey`: the raw data."""

import argparse
import os
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.errors import InputError
from analysis.survey.stamps_commands import add_contact_sheet, add_ingest_stamps

DESCRIPTION = """\
The raw data of the pipeline: a folder with catalogue.parquet, provenance.json and, where there are any,
stamps.h5.

  python -m analysis survey mock --objects 2000 --seed 1 --out /tmp/mock    draw a survey
  python -m analysis survey sdss --limit 1000 --out /tmp/sdss               fetch a sample of SDSS
  python -m analysis survey validate /tmp/mock                              what it holds and lacks
  python -m analysis survey use /tmp/mock                                   run the pipeline on it: dvc repro
  python -m analysis survey use default                                     bring back the embedded one
"""

MOCK = """\
Draw a mock survey: galaxies, stars and quasars as SDSS would have measured them. The same seed gives the same
survey, whatever the number of workers. The truth lies beside the catalogue (truth.parquet); the pipeline
never reads it. Some of the objects, or all, get images in ugriz (stamps.h5). A run that was killed is taken up by the
same command: until all is drawn, its parts are in the hidden folder .DIR.*.unfinished.

  python -m analysis survey mock --objects 2000 --seed 1 --stamps 500 --out /tmp/mock
"""

INGEST = """\
Bring foreign tables through the one door: CSV, TSV, white space, FITS, VOTable, Parquet or HDF5, plain or
packed with gzip or bzip2. Several files of one kind are put one below the other. The columns map (YAML) says
what the columns are:

  columns: {object_id: objID, ra: ra, dec: dec, redshift: z, dered_u: mag_u, petroRad_r: rad}   # ours: theirs
  constants: {class: GALAXY}            # for a column that the table does not have
  missing_values: [-9999, -99]          # become null; {"*": [-9999], "dered_*": [0]} by column
  units: {petroRad_r: arcmin}           # as astropy writes them; fluxes (nmgy, uJy) become AB magnitudes
  values: {class: {0: STAR, 1: GALAXY}} # labels
  optional: [redshift]                  # objects without one are welcome (also: required: [dered_r])
  format: {type: csv, delimiter: ",", header: 0}  # guessed where it can be; also names, comment, group
  source: where it comes from           # with licence and notes, for the provenance

Without object_id the rows are numbered. The maps in analysis/survey/maps are examples:

  python -m analysis survey ingest galaxies.csv \\
      --columns analysis/survey/maps/galaxyzoo1_table.yaml --out /tmp/gz1
"""

SDSS = """\
Fetch SDSS's spectroscopic sample (galaxies, stars, quasars) from its archive: the catalogue by SQL from SkyServer, and
stamps cut from the calibrated frames of the Science Archive Server. Objects come field by field, because the frames of
a field are 16 MB whether they show one object or a hundred; the size of the download is printed before it starts. What
has been fetched lies in DIR.download until all is there, and --resume goes on after a crash.

  python -m analysis survey sdss --limit 1000 --out /tmp/sdss
  python -m analysis survey sdss --limit 1000 --where "p.field % 25 = 0" --out /tmp/sdss    # spread over the sky
"""

VALIDATE = """\
Say what a survey holds and lacks: unit, range and nulls of each column, the columns that are not there, what stamps
there are, whether the files are those that the provenance tells of. Exit code 2 if the survey breaks the contract.

  python -m analysis survey validate data
"""

USE = """\
Make a copy of a survey the pipeline's data/, recorded in data.dvc and kept in the DVC cache; `dvc repro` then
recomputes everything on it. What is in data/ now must be recorded too: nobody's data are lost. `use default`
brings back the survey that comes with the compendium.

  python -m analysis survey use /tmp/gz1 && dvc repro
"""


_Raw = argparse.RawDescriptionHelpFormatter


def add_commands(groups: Any) -> None:
    """Add `survey` and its subcommands to the command line."""
    survey = groups.add_parser("survey", help="the raw data", description=DESCRIPTION, formatter_class=_Raw)
    commands = survey.add_subparsers(title="commands", required=True, metavar="COMMAND")

    mock = commands.add_parser("mock", help="draw a mock survey", description=MOCK, formatter_class=_Raw)
    mock.add_argument("--objects", type=_at_least_one, required=True, help="how many")
    mock.add_argument("--seed", type=int, required=True, help="of the random numbers")
    mock.add_argument("--stamps", type=int, default=0, help="how many of the objects get images (default: none)")
    mock.add_argument("--out", type=Path, required=True, help="folder to make")
    mock.add_argument("--workers", type=_at_least_one, help="processes (default: cores that 2 GB of memory allow)")
    mock.set_defaults(run=_mock)

    ingest = commands.add_parser("ingest", help="foreign tables in", description=INGEST, formatter_class=_Raw)
    ingest.add_argument("files", metavar="FILE", type=Path, nargs="+", help="tables of one kind")
    ingest.add_argument("--columns", metavar="MAP.yaml", type=Path, required=True, help="the columns map")
    ingest.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to make")
    ingest.set_defaults(run=_ingest)

    add_ingest_stamps(commands).set_defaults(run=_ingest_stamps)

    sdss = commands.add_parser("sdss", help="a sample of SDSS", description=SDSS, formatter_class=_Raw)
    sdss.add_argument("--limit", metavar="N", type=_at_least_one, required=True, help="at most so many objects")
    sdss.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to make")
    sdss.add_argument("--resume", action="store_true", help="go on where an earlier download stopped")
    sdss.add_argument("--where", metavar="SQL", default="", help="a further condition; p is PhotoPrimary, s SpecObj")
    sdss.add_argument("--page", metavar="N", type=_at_least_one, default=1000, help="objects per query (default 1000)")
    sdss.add_argument("--release", type=int, default=17, choices=range(13, 20), help="data release (default 17)")
    sdss.add_argument("--keep-frames", action="store_true", help="leave the frames in DIR.download, as a mirror")
    sdss.add_argument("--pause", metavar="S", type=float, default=1.0, help="seconds between requests (default 1)")
    sdss.add_argument("--skyserver", metavar="URL", help="base URL of SkyServer (or environment: SDSS_SKYSERVER)")
    sdss.add_argument("--sas", metavar="URL", help="base URL of the Science Archive Server (or SDSS_SAS)")
    sdss.set_defaults(run=_sdss)

    validate = commands.add_parser("validate", help="check a survey", description=VALIDATE, formatter_class=_Raw)
    validate.add_argument("directory", metavar="DIR", type=Path, help="a survey folder")
    validate.add_argument("--out", metavar="FILE", type=Path, help="write the summary there, as JSON")
    validate.set_defaults(run=_validate)

    use = commands.add_parser("use", help="switch surveys", description=USE, formatter_class=_Raw)
    use.add_argument("survey", metavar="DIR|default", help="a survey folder, or the word default")
    use.set_defaults(run=_use)

    add_contact_sheet(commands)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small; expected 1 or more")
    return number


def _check_outside_data(out: Path) -> None:
    """Raise InputError for a new survey inside data/, which belongs to the one in place."""
    if out.resolve().is_relative_to(paths.DATA):
        raise InputError(
            f"{out}: is inside {paths.DATA}; choose a folder elsewhere, and `survey use` puts it in place",
            "output-exists",
        )


def _mock(options: argparse.Namespace) -> None:
    from analysis.survey.mock.generate import generate

    _check_outside_data(options.out)
    generate(options.objects, options.seed, options.out, workers=options.workers, stamps=options.stamps)
    print(f"{options.out} is made; see it with: python -m analysis survey validate {options.out}")


def _ingest(options: argparse.Namespace) -> None:
    from analysis.survey.ingest import ingest

    _check_outside_data(options.out)
    ingest(options.files, options.columns, options.out)
    print(f"{options.out} is made; see it with: python -m analysis survey validate {options.out}")


def _ingest_stamps(options: argparse.Namespace) -> None:
    from analysis.survey.stamps_commands import ingest_from

    _check_outside_data(options.out)
    ingest_from(options)
    print(f"{options.out} is made; see it with: python -m analysis survey validate {options.out}")


def _sdss(options: argparse.Namespace) -> None:
    from analysis.survey.sdss.archive import SAS, SKYSERVER, Archive
    from analysis.survey.sdss.download import Request, download

    _check_outside_data(options.out)
    skyserver = options.skyserver or os.environ.get("SDSS_SKYSERVER") or SKYSERVER
    sas = options.sas or os.environ.get("SDSS_SAS") or SAS
    archive = Archive(skyserver, sas, options.release, pause=options.pause)
    wanted = {name: getattr(options, name) for name in ("limit", "out", "where", "page", "resume", "keep_frames")}
    download(Request(**wanted), archive)
    print(f"{options.out} is made; see it with: python -m analysis survey validate {options.out}")


def _validate(options: argparse.Namespace) -> None:
    from analysis.survey.validate import print_summary, summarise, write_summary

    summary = summarise(options.directory)
    print_summary(summary, options.directory)
    if options.out:
        write_summary(summary, options.out)


def _use(options: argparse.Namespace) -> None:
    from analysis.survey.switch import use_default, use_survey

    if options.survey == "default":
        use_default(paths.ROOT)
    else:
        use_survey(Path(options.survey), paths.ROOT)
    print(f"data/ is now {options.survey}; recompute everything with: dvc repro")
