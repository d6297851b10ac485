"""dvc.yaml says what is true: every module of a stage is among its deps, every stage has its settings and outputs."""

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

from analysis import paths
from analysis.photoz_pdf.names import CLASSES

PIPELINE = yaml.safe_load((paths.ROOT / "dvc.yaml").read_text())["stages"]
FIRST = "validate_params"
MODULES = {  # of each command, the module that does the work
    "params": "analysis.validate_params",
    "survey validate": "analysis.survey.validate",
    "survey plot-stamps": "analysis.survey.contact_sheet",
    "features": "analysis.features",
    "feature-importance train": "analysis.feature_importance.train",
    "feature-importance evaluate": "analysis.feature_importance.evaluate",
    "feature-importance plot": "analysis.feature_importance.plot",
    "feature-selection train": "analysis.feature_importance.selection.train",
    "feature-selection evaluate": "analysis.feature_importance.selection.evaluate",
    "feature-selection plot": "analysis.feature_importance.selection.plot",
    "adversarial plot-real": "analysis.adversarial.plot_real",
    "anchoring plot": "analysis.anchoring.plot",
    "photoz plot": "analysis.photoz_pdf.plot",
    "pit-calibration train": "analysis.pit_calibration.train",
    "pit-calibration evaluate": "analysis.pit_calibration.evaluate",
    "pit-calibration plot": "analysis.pit_calibration.plot",
    "redshift-distributions evaluate": "analysis.redshift_distributions.evaluate",
    "redshift-distributions plot": "analysis.redshift_distributions.plot",
    "spectroscopic-completeness train": "analysis.spectroscopic_completeness.train",
    "spectroscopic-completeness evaluate": "analysis.spectroscopic_completeness.evaluate",
    "spectroscopic-completeness plot": "analysis.spectroscopic_completeness.plot",
    "star-galaxy train-convnet": "analysis.star_galaxy.train_convnet",
    "star-galaxy train": "analysis.star_galaxy.train",
    "star-galaxy evaluate": "analysis.star_galaxy.evaluate",
    "star-galaxy plot-convnet": "analysis.star_galaxy.plot_convnet",
    "star-galaxy plot": "analysis.star_galaxy.plot",
    "cnn-redshift train": "analysis.cnn_redshift.train",
    "cnn-redshift evaluate": "analysis.cnn_redshift.evaluate",
    "cnn-redshift plot": "analysis.cnn_redshift.plot",
    "adversarial train": "analysis.adversarial.train",
    "adversarial evaluate": "analysis.adversarial.evaluate",
    "adversarial plot": "analysis.adversarial.plot",
    "nbody-gan check-nbody": "analysis.nbody_gan.check",
    "nbody-gan plot-nbody": "analysis.nbody_gan.check_plot",
    "nbody-gan simulate-boxes": "analysis.nbody_gan.boxes",
    "nbody-gan train": "analysis.nbody_gan.train",
    "nbody-gan evaluate": "analysis.nbody_gan.evaluate",
    "nbody-gan plot": "analysis.nbody_gan.plot",
    "science-sample train": "analysis.apply.train",
    "science-sample apply": "analysis.apply.science",
    "science-sample plot": "analysis.apply.plot",
    "paper claims": "analysis.paper.claims_table",
    "scorecard": "analysis.scorecard",
    "paper render": "analysis.paper.render",
}
# They hold no numbers: an error class, names of places, and what refuses settings. To run everything again for them
# would help nobody.
WITHOUT_INFLUENCE = {"analysis/__init__.py", "analysis/errors.py", "analysis/paths.py", "analysis/blocks.py"}


def _file(module: str) -> Path | None:
    path = paths.ROOT / module.replace(".", "/")
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _imports(module: str) -> frozenset[str]:
    """Modules of the package that a module imports, directly."""
    file = _file(module)
    assert file is not None, module
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    if module == "analysis.photoz_pdf.store":  # it imports the estimator that a model folder names
        found |= {f"analysis.photoz_pdf.{name}" for name in CLASSES}
    return frozenset(name for name in found if name.startswith("analysis.") and _file(name))


def _used(module: str) -> set[str]:
    """Files of all modules that a module needs, itself included."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _imports(name)
    return {file.relative_to(paths.ROOT).as_posix() for name in seen if (file := _file(name))}


def _module_of(stage: dict) -> str:
    command = stage["cmd"].removeprefix("python -m analysis ")
    return next(module for words, module in MODULES.items() if command.startswith(words))


@pytest.mark.parametrize("name", PIPELINE)
def test_every_module_of_a_stage_is_among_its_deps(name: str) -> None:
    stage = PIPELINE[name]
    declared = [Path(dep) for dep in stage["deps"]]
    empty = {file for file in _used(_module_of(stage)) if file.endswith("/__init__.py")}
    missing = {
        file
        for file in _used(_module_of(stage)) - WITHOUT_INFLUENCE - empty
        if not any(Path(file).is_relative_to(dep) for dep in declared)
    }
    assert not missing


@pytest.mark.parametrize("name", PIPELINE)
def test_every_module_among_the_deps_of_a_stage_is_used(name: str) -> None:
    used = [Path(file) for file in _used(_module_of(PIPELINE[name]))]
    code = [dep for dep in PIPELINE[name]["deps"] if dep.startswith("analysis/") and Path(dep).suffix in ("", ".py")]
    unused = {dep for dep in code if not any(file.is_relative_to(dep) for file in used)}
    if name == FIRST:  # it finds the models of all blocks by itself
        unused = {dep for dep in unused if Path(dep).name != "settings.py"}
    assert not unused
    assert len(code) == len(set(code))


@pytest.mark.parametrize("name", [name for name in PIPELINE if name != FIRST])
def test_settings_are_checked_before_any_stage_runs(name: str) -> None:
    """Each stage comes after the first one, by way of what it needs."""
    before = {
        other
        for other, stage in PIPELINE.items()
        for out in map(_path, _outputs(stage))
        if any(Path(dep).is_relative_to(out) or out.is_relative_to(dep) for dep in PIPELINE[name]["deps"])
    }
    assert before


def test_the_models_of_all_blocks_are_deps_of_the_stage_that_checks_them() -> None:
    models = {file.relative_to(paths.ROOT).as_posix() for file in paths.PACKAGE.rglob("settings.py")}
    assert models <= set(PIPELINE[FIRST]["deps"])


@pytest.mark.parametrize("name", PIPELINE)
def test_every_dep_is_there_or_made_by_a_stage(name: str) -> None:
    made = [_path(out) for stage in PIPELINE.values() for out in _outputs(stage)]
    for dep in map(Path, PIPELINE[name]["deps"]):
        in_git = (paths.ROOT / dep).exists() or dep.is_relative_to("data")
        assert in_git or any(dep.is_relative_to(out) or out.is_relative_to(dep) for out in made), dep


def _path(out: dict | str) -> Path:
    return Path(next(iter(out)) if isinstance(out, dict) else out)


def _outputs(stage: dict) -> list:
    return stage.get("outs", []) + stage.get("metrics", [])


def test_outputs_are_not_pushed_and_only_cheap_stages_bypass_the_cache() -> None:
    for name, stage in PIPELINE.items():
        for out in _outputs(stage):
            [(path, settings)] = out.items()
            assert settings in ({"push": False}, {"cache": False}), path
            assert settings == {"push": False} or not name.startswith("train"), path


def test_every_block_of_settings_belongs_to_a_stage() -> None:
    settings = set(yaml.safe_load(paths.PARAMS.read_text()))
    used = {block for stage in PIPELINE.values() for block in stage.get("params", [])}
    assert used <= settings
    assert settings - used == {
        "real_feature_importance",
        "real_anchoring",
        "real_star_galaxy",
        "real_star_galaxy_convnet",
        "real_adversarial",
    }  # of `make real`, which is no stage


def test_the_default_survey_is_in_the_embedded_store_and_small() -> None:
    record = yaml.safe_load((paths.ROOT / "analysis/survey/default_survey.yml").read_text())["outs"][0]
    assert record["size"] <= 36e6
    checksum = record["md5"]
    assert (paths.ROOT / ".dvc/store/files/md5" / checksum[:2] / checksum[2:]).is_file()


def test_every_figure_is_an_output_as_pixels_and_as_vectors() -> None:
    for name, stage in PIPELINE.items():
        made = [Path(path) for out in _outputs(stage) for path in out]
        pixels, vectors = (
            {path.stem for path in made if path.parent.name == folder} for folder in ("figures", "vector")
        )
        assert pixels == vectors, name
