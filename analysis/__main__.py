"""The command line: `python -m analysis …`."""

import argparse
import errno
import sys

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
  adversarial          Goodfellow et al. (2015): how little it takes to fool these networks
  nbody-gan            Wolf (2018): N-body boxes, and a network that takes their place
  science-sample       the models, applied to the objects without a spectrum
  scorecard            every claim: published value, ours, error, verdict
  paper                results -> the paper (HTML and PDF)
  reproduce            all of it, at a scale

Beside the pipeline:

  explain              how a figure, a table or a result was made, back to the raw survey
  verify               everything again in a clean clone, compared with what is committed
  apply                the models, applied to a catalogue of any size, on all cores or a Dask cluster
  photoz               redshift PDFs of any survey: train, predict, evaluate
  bench                how fast it is, against the usual way
  params               every setting of params.yaml, checked
  check                what this machine has, and whether a scale can run on it

Try:  python -m analysis survey mock --objects 2000 --seed 1 --out /tmp/mock
      python -m analysis survey validate /tmp/mock
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Commands import what they need when they run: `--help` stays quick, and a broken part leaves the others usable.
    """
    from analysis import bench
    from analysis import commands as pipeline
    from analysis.adversarial import commands as adversarial
    from analysis.anchoring import commands as anchoring
    from analysis.apply import commands as apply
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
    pipeline.add_commands(groups)
    results = [feature_importance, feature_selection, pit_calibration, redshift_distributions]
    results += [spectroscopic_completeness, star_galaxy, cnn_redshift, adversarial, nbody_gan]
    for part in (*results, apply, photoz, anchoring, bench):
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
