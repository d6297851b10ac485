"""The command line: `python -m analysis …`."""

import argparse
import errno
import os
import sys
from pathlib import Path
from typing import Any

from analysis.errors import InputError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # disk full, quota used up, file too large for the limit
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)  # no permission, read-only disk

DESCRIPTION = """\
Machine-learning results in cosmology, re-tested on a survey: the mock one that comes with the compendium, or yours.

The pipeline calls these commands in order (`dvc dag` shows it); you may call each by hand:

  survey               the raw data: draw a mock survey, ingest a foreign table, validate, switch
  features             raw survey -> photometric features and the train/validation/test split
  feature-importance   Hoyle et al. (2015): which photometric features matter for redshifts
  feature-selection    its importances in depth: errors, controls, fewer features, other learners
  anchoring            the mock survey held against real tables
  pit-calibration      Polsterer et al. (2016): redshift PDFs, are they calibrated?
  redshift-distributions  Hoyle, Gruen et al. (2018): n(z) of tomographic bins
  spectroscopic-completeness  Bonnett et al. (2016): labelled data do not represent the sky
  star-galaxy          Kim & Brunner (2017): stars from galaxies, by features and by pixels
  cnn-redshift         Hoyle (2016): redshifts from whole images, beside trees on catalogue features
  nbody-gan            Wolf (2018): N-body boxes, and a network that takes their place
  scorecard            every claim: published value, ours, error, verdict
  paper                results -> the paper (HTML and PDF)
  reproduce            all of it, at a scale

Beside the pipeline:

  photoz               redshift PDFs of any survey: train, predict, evaluate
  bench                how fast it is, against the usual way
  params               every setting of params.yaml, checked
  check                what this machine has, and whether a scale can run on it

Try:  python -m analysis survey mock --objects 2000 --seed 1 --out /tmp/mock
      python -m analysis survey validate /tmp/mock
"""


def _features(options: argparse.Namespace) -> None:
    from analysis.features import make_features

    make_features(options)


def _scorecard(options: argparse.Namespace) -> None:
    from analysis.scorecard import run

    run(only_print=options.print)


def _render(_: argparse.Namespace) -> None:
    from analysis.paper.render import run

    run()


def _reproduce(options: argparse.Namespace) -> None:
    from analysis.reproduce import reproduce

    reproduce(options.scale, options.keep)


def _params(options: argparse.Namespace) -> None:
    from analysis.validate_params import validate_params

    validate_params(options)


def _check(options: argparse.Namespace) -> int:
    from analysis.check import run

    return run(options)


def _add_single_commands(groups: Any) -> None:
    what = "the photometric features of the labelled galaxies of data/, and their split by patch of sky"
    groups.add_parser("features", help=what, description=what).set_defaults(run=_features)

    what = "every claim: published, ours, error, verdict; and all numbers of the paper"
    scorecard = groups.add_parser("scorecard", help=what, description=what)
    scorecard.add_argument("--print", action="store_true", help="only print the scorecard that is there")
    scorecard.set_defaults(run=_scorecard)

    what = "results -> the paper, as HTML and PDF"
    paper = groups.add_parser("paper", help=what, description=what)
    actions = paper.add_subparsers(title="actions", required=True, metavar="ACTION")
    what = "paper/index.qmd -> paper/_build/, by Quarto where it is installed, else by pandoc and typst"
    actions.add_parser("render", help=what, description=what).set_defaults(run=_render)

    what = "the whole pipeline, at a scale; ends with the claims table"
    reproduce = groups.add_parser("reproduce", help=what, description=what)
    what = "laptop, or one of scales/: smoke, full, … (default: $SCALE, or laptop)"
    reproduce.add_argument("--scale", default=os.environ.get("SCALE", "laptop"), help=what)
    reproduce.add_argument(
        "--keep", type=Path, metavar="DIR", help="with smoke: folder to make, in which the copy stays"
    )
    reproduce.set_defaults(run=_reproduce)

    what = "every setting of params.yaml and scales/: is it known, of the right type, possible?"
    params = groups.add_parser("params", help=what, description=what)
    params.add_argument("--out", type=Path, metavar="FILE", help="write there that it is so")
    params.set_defaults(run=_params)

    what = "what this machine has, and whether a scale can run on it; exit code 1 with the reason where it cannot"
    check = groups.add_parser("check", help=what, description=what)
    scale = os.environ.get("SCALE", "laptop")
    check.add_argument("--scale", default=scale, help="smoke, laptop or full (default: $SCALE, or laptop)")
    check.set_defaults(run=_check)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Commands import what they need when they run: `--help` stays quick, and a broken part leaves the others usable.
    """
    from analysis import bench
    from analysis.anchoring import commands as anchoring
    from analysis.cnn_redshift import commands as cnn_redshift
    from analysis.feature_importance import commands as feature_importance
    from analysis.feature_importance.selection import commands as feature_selection
    from analysis.nbody_gan import commands as nbody_gan
    from analysis.photoz_pdf import commands as photoz
    from analysis.pit_calibration import commands as pit_calibration
    from analysis.redshift_distributions import commands as redshift_distributions
    from analysis.spectroscopic_completeness import commands as spectroscopic_completeness
    from analysis.star_galaxy import commands as star_galaxy
    from analysis.survey import commands as survey

    parser = argparse.ArgumentParser("analysis", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter)
    groups = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    survey.add_commands(groups)
    _add_single_commands(groups)
    results = [feature_importance, feature_selection, pit_calibration, redshift_distributions]
    results += [spectroscopic_completeness, star_galaxy, cnn_redshift, nbody_gan]
    for part in (*results, photoz, anchoring, bench):
        part.add_commands(groups)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code: 0, its own, or 2 with one message for input that cannot be used."""
    options = build_parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except InputError as error:
        print(f"error [{error.kind}]: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno in NO_SPACE:
            advice = f"nothing more can be written ({error}); make room, and give the command again"
        elif error.errno in NOT_ALLOWED:
            advice = f"{error}; expected a file that may be read, or a folder that may be written to"
        else:
            raise
        print(f"error [cannot-write]: {advice}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
