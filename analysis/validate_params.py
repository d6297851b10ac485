"""`python -m analysis params`: every setting of params.yaml and of the scales, checked before any stage runs."""

import argparse

from analysis import paths
from analysis.blocks import check_blocks, check_model, models
from analysis.files import write_json
from analysis.params import read_yaml
from analysis.scale_copies import PARAMS, SURVEY, read_scale, scaled_settings
from analysis.survey.settings import DrawnSurvey


def check_settings() -> None:
    """Check params.yaml, and what the scales make of it.

    Raises
    ------
    InputError
        Naming file, block and setting of the first that is unknown, missing, of a wrong type or impossible.
    """
    check_blocks(read_yaml(paths.PARAMS), str(paths.PARAMS))
    for file in sorted(paths.SCALES.glob("*.yaml")):
        check_blocks(scaled_settings(paths.ROOT, file.stem), f"{PARAMS} with scales/{file.name}")
        if survey := read_scale(paths.ROOT, file.stem).get(SURVEY):
            check_model(DrawnSurvey, survey, f"scales/{file.name}: {SURVEY}")


def validate_params(options: argparse.Namespace) -> None:
    """Check all settings, and write that they are valid to the file of `--out`, if that is given.

    The file says nothing of their values: stages that come after this one do not run again whenever one changes.
    """
    check_settings()
    if options.out:
        write_json(options.out, {"valid": True}, indent=None)
    print(f"params.yaml: {len(models())} blocks, as the stages expect them at every scale")
