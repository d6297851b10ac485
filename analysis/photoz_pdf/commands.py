"""The command group `photoz`: redshift PDFs of any survey."""

import argparse
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.photoz_pdf.names import ESTIMATORS

DESCRIPTION = """\
Redshift PDFs from magnitudes and their errors, in whatever bands a survey has (dered_<band>, deredErr_<band>).

  python -m analysis photoz train --data data --estimator mdn --out /tmp/model       learn from labelled galaxies
  python -m analysis photoz predict --model /tmp/model --data data --out /tmp/pdfs.hdf5
  python -m analysis photoz evaluate --pdfs /tmp/pdfs.hdf5 --data data               how good they are (JSON)

Estimators: rdf (boosted trees), knn (nearest neighbours), mdn (an ensemble of mixture density networks), trainz
(the control: everyone gets the training distribution). Their settings are in params.yaml, block photoz_pdf.
"""

TRAIN = """\
Train on the labelled galaxies of a survey, without the fifth, by patch of sky, that the pipeline too keeps for
testing (--all: with it). A killed training of mdn goes on where it was when it is called again.
"""

PREDICT = """\
PDFs of every object of a survey folder, of a catalogue.parquet, or of a foreign table with its columns map. The
HDF5 file opens with the qp library as an ensemble, the numbers of the objects beside it; --quantiles writes a
small Parquet table instead. Objects stream through: memory does not grow with their number.
"""

EVALUATE = """\
How PDFs compare with spectroscopic redshifts: every figure of merit with its bootstrap error, as JSON. Objects are
matched by object_id. Where the model was trained on this survey, only the galaxies that it left out count.
"""

_Raw = argparse.RawDescriptionHelpFormatter


def add_commands(groups: Any) -> None:
    """Add `photoz` and its subcommands to the command line."""
    photoz = groups.add_parser(
        "photoz", help="redshift PDFs: train, predict, evaluate", description=DESCRIPTION, formatter_class=_Raw
    )
    commands = photoz.add_subparsers(title="commands", required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="labelled galaxies -> a model", description=TRAIN)
    train.add_argument("--data", type=Path, default=paths.DATA, metavar="DIR", help="a survey folder (default: data/)")
    train.add_argument("--estimator", choices=ESTIMATORS, required=True)
    train.add_argument("--out", type=Path, required=True, metavar="MODEL", help="folder to make")
    train.add_argument("--all", action="store_true", help="hold out nothing: there will be no test on this survey")
    what = "redshifts of the PDFs' grid (default: made for the training redshifts)"
    train.add_argument("--grid", nargs=3, type=float, metavar=("LOW", "HIGH", "POINTS"), help=what)
    train.set_defaults(run=_train)

    predict = commands.add_parser("predict", help="a model, any catalogue -> PDFs", description=PREDICT)
    predict.add_argument("--model", type=Path, required=True, metavar="MODEL", help="a model folder")
    what = "a survey folder, a catalogue, or a foreign table"
    predict.add_argument("--data", type=Path, required=True, metavar="DIR|FILE", help=what)
    predict.add_argument("--columns", type=Path, metavar="MAP.yaml", help="the columns map of a foreign table")
    predict.add_argument("--out", type=Path, required=True, metavar="PDFS", help="file to write, .hdf5 (or .parquet)")
    predict.add_argument("--quantiles", action="store_true", help="quantiles as Parquet instead of the PDFs")
    predict.set_defaults(run=_predict)

    evaluate = commands.add_parser("evaluate", help="PDFs, redshifts -> figures of merit", description=EVALUATE)
    evaluate.add_argument("--pdfs", type=Path, required=True, metavar="PDFS", help="HDF5 file of a qp ensemble")
    evaluate.add_argument("--data", type=Path, required=True, metavar="DIR", help="a survey folder with redshifts")
    evaluate.add_argument("--out", type=Path, metavar="FILE", help="write the JSON there, too")
    evaluate.set_defaults(run=_evaluate)

    what = "the learning curve of `bench photoz` -> a figure of the paper"
    commands.add_parser("plot", help=what, description=what).set_defaults(run=_plot)


def _train(options: argparse.Namespace) -> None:
    from analysis.photoz_pdf.train import train_on_survey

    train_on_survey(options.data, options.estimator, options.out, everything=options.all, grid=options.grid)


def _predict(options: argparse.Namespace) -> None:
    from analysis.photoz_pdf.predict import predict_catalogue

    predict_catalogue(options.model, options.data, options.out, options.columns, quantiles=options.quantiles)


def _evaluate(options: argparse.Namespace) -> None:
    from analysis.photoz_pdf.evaluate import evaluate_pdfs

    evaluate_pdfs(options.pdfs, options.data, options.out)


def _plot(options: argparse.Namespace) -> None:
    from analysis.photoz_pdf.plot import plot_photoz_pdf

    plot_photoz_pdf(options)
