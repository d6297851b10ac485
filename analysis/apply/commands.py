"""The command `apply`, and the stages that apply the models to the science sample."""

import argparse
import sys
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.apply import names
from analysis.command_line import Command, add_result
from analysis.errors import InputError

_PACKAGE = "analysis.apply"
FAILED = 3  # exit code where some of the input could not be used

DESCRIPTION = """\
Apply the trained, calibrated models to every object of a catalogue, of any size: redshift quantiles and point
estimates, p(galaxy) with its error, an anomaly score, and whether the object is like those of the training.

SRC is a HATS catalogue, a folder of Parquet files, a survey folder, or any table that `survey ingest` takes; a path or
a URL that fsspec knows. DST, on a file system that all workers see, becomes a HATS catalogue: lsdb.open_catalog(DST).

  python -m analysis apply --catalogue data --models models/apply --out /tmp/answers
  python -m analysis apply --catalogue s3://bucket/catalogue --models models/apply --out /scratch/answers \\
      --scheduler tcp://10.0.0.1:8786

Until all is there, what is done lies in the hidden folder .DST.unfinished. Killed at any time and given again, the same
command goes on, to the same bytes. Input that fails three times is reported, the rest is computed, and the exit code is
3: DST is then made by --without-failed; or mend the input, delete the folder of unfinished work, and give it again.
"""


def add_commands(groups: Any) -> None:
    """Add `apply` and `science-sample` to the command line."""
    about = "the models, applied to a catalogue of any size, on all cores or a Dask cluster"
    raw = argparse.RawDescriptionHelpFormatter
    parser = groups.add_parser("apply", help=about, description=DESCRIPTION, formatter_class=raw)
    parser.add_argument("--catalogue", metavar="SRC", required=True, help="what to apply them to")
    what = "folder of models (default: models/apply, which `science-sample train` makes)"
    parser.add_argument("--models", metavar="DIR", type=Path, default=paths.MODELS / names.NAME, help=what)
    parser.add_argument("--out", metavar="DST", type=_folder, required=True, help="folder to make")
    parser.add_argument("--columns", metavar="MAP", type=Path, help="columns map, as for `survey ingest`")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster (default: one of this machine's cores)"
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=_at_least_one,
        help="of this machine (default: one for each core), not of a --scheduler",
    )
    what = "of each worker of this machine, not of a --scheduler, such as 2GiB (default: an equal share)"
    parser.add_argument("--memory-limit", metavar="BYTES", help=what)
    what = "objects that a worker takes at a time (default: 250,000)"
    parser.add_argument("--chunk-rows", metavar="N", type=_at_least_one, default=250_000, help=what)
    what = "objects of a partition at most, where SRC is no HATS catalogue (default: 1,000,000)"
    parser.add_argument("--partition-rows", metavar="N", type=_at_least_one, default=1_000_000, help=what)
    what = "make DST without input that failed; its provenance says what is missing"
    parser.add_argument("--without-failed", action="store_true", help=what)
    parser.set_defaults(run=_apply)

    add_result(
        groups,
        "science-sample",
        "the models, applied to the objects without a spectrum",
        Command("train", f"{_PACKAGE}.train:train_apply", "trained models -> the one folder that workers load"),
        Command("apply", f"{_PACKAGE}.science:apply_science_sample", "the survey -> metrics.json, tables"),
        Command("plot", f"{_PACKAGE}.plot:plot_science_sample", "metrics and tables -> figures of the paper"),
    )


def _folder(text: str) -> Path:
    path = text.removeprefix("file://")
    if "://" in path:
        raise argparse.ArgumentTypeError(f"{text} is a URL; expected a folder on a file system that all workers see")
    return Path(path)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small; expected 1 or more")
    return number


def _apply(options: argparse.Namespace) -> int:
    from analysis.apply.run import Request, apply

    if options.scheduler and (options.workers or options.memory_limit):
        raise InputError("--workers, --memory-limit: are of this machine; with --scheduler, its cluster has its own")
    request = Request(
        options.catalogue,
        options.models,
        options.out,
        options.columns,
        options.scheduler,
        options.workers,
        options.memory_limit,
        options.chunk_rows,
        options.partition_rows,
        options.without_failed,
    )
    outcome = apply(request)
    for failure in outcome.failures:
        print(f"failed three times: {failure.input}: {failure.error}", file=sys.stderr)
    made = options.out.exists()
    speed = f", {outcome.objects / outcome.seconds:,.0f} a second" if outcome.seconds else ": was there already"
    print(f"{options.out if made else 'not made yet'}: {outcome.objects:,} objects{speed}")
    if outcome.peak_bytes:
        print(f"most memory of a worker: {max(outcome.peak_bytes) / 2**30:.2f} GiB")
    return FAILED if outcome.failures else 0
