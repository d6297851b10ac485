"""The command line: `python -m analysis …`."""

import argparse
import sys

from analysis.errors import InputError

DESCRIPTION = """\
Machine-learning results in cosmology, re-tested on a survey: the mock one that comes with the compendium, or yours.

The pipeline calls these commands in order (`dvc dag` shows it); you may call each by hand:

  survey               the raw data: draw a mock survey, ingest a foreign table, validate, switch
  features             raw survey -> photometric features and the train/validation/test split
  feature-importance   Hoyle et al. (2015): which photometric features matter for redshifts
  feature-selection    its importances in depth: errors, controls, fewer features, other learners
  scorecard            every claim: published value, ours, error, verdict
  paper                results -> the paper (HTML and PDF)
  reproduce            all of it, at a scale: smoke, laptop or full

Beside the pipeline:

  bench                how fast it is, against the usual way

Try:  python -m analysis survey mock --objects 2000 --seed 1 --out /tmp/mock
      python -m analysis survey validate /tmp/mock
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    # Imported here so that an error in one part leaves the others usable, and `--help` stays quick.
    from analysis import bench, features, paper, reproduce, scorecard
    from analysis.feature_importance import commands as feature_importance
    from analysis.feature_importance.selection import commands as feature_selection
    from analysis.survey import commands as survey

    parser = argparse.ArgumentParser("analysis", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter)
    groups = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for part in (survey, features, feature_importance, feature_selection, scorecard, paper, reproduce, bench):
        part.add_commands(groups)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code: 0, or 2 with one message for input that cannot be used."""
    options = build_parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
