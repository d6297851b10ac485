"""Settings: blocks, their models, and scales that override them."""

import copy

import pytest
import yaml

from analysis import params, paths, scale_copies
from analysis.blocks import Block, check_block, models
from analysis.errors import InputError
from analysis.photoz_pdf.store import estimator_class
from analysis.validate_params import check_settings


def test_missing_block_is_named():
    with pytest.raises(InputError, match="no block 'trian'"):
        params.load("trian")


def test_unreadable_file_is_an_input_error(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")
    with pytest.raises(InputError, match="no such file"):
        params.load("features")


def test_merge_reaches_into_blocks_and_keeps_the_rest():
    base = {"a": {"x": 1, "y": {"p": 1, "q": 2}}, "b": {"z": 3}}
    merged = params.merge(base, {"a": {"y": {"q": 5}}}, "test")
    assert merged == {"a": {"x": 1, "y": {"p": 1, "q": 5}}, "b": {"z": 3}}
    assert base["a"]["y"]["q"] == 2


def test_merge_refuses_a_misspelt_setting():
    with pytest.raises(InputError, match=r"scale: a: unknown setting 'epoch'; did you mean 'epochs'"):
        params.merge({"a": {"epochs": 1}}, {"a": {"epoch": 2}}, "scale")


@pytest.mark.parametrize("path", sorted(paths.SCALES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_scale_overrides_settings_that_exist(path):
    laptop = yaml.safe_load(paths.PARAMS.read_text())
    overrides = yaml.safe_load(path.read_text())
    overrides.pop(scale_copies.SURVEY, None)  # what is drawn for a scale, no setting of a stage
    scaled = params.merge(laptop, overrides, path.name)
    assert scaled.keys() == laptop.keys()
    assert scaled != laptop


SETTINGS = params.read_yaml(paths.PARAMS)


def missing_parts(model: type[Block], content: dict) -> list[str]:
    """List the fields of a model, parts of parts included, that a block lacks; those with a default may be lacking."""
    found = [name for name, field in model.model_fields.items() if field.is_required() and name not in content]
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Block) and name in content:
            found += [f"{name}.{part}" for part in missing_parts(inner, content[name])]
    return found


def test_every_block_has_a_model_and_every_model_a_block():
    assert models().keys() == SETTINGS.keys(), "name each block in BLOCKS of the settings.py beside its stage"


@pytest.mark.parametrize("block", SETTINGS)
def test_a_model_has_the_keys_of_its_block_and_no_others(block):
    assert not missing_parts(models()[block], SETTINGS[block])
    check_block(block, SETTINGS[block], "params.yaml")  # which refuses unknown ones


@pytest.mark.parametrize("name", ["rdf", "knn", "mdn", "trainz"])
def test_the_model_of_an_estimator_has_its_settings_and_defaults(name):
    defaults = estimator_class(name).defaults
    part = models()["photoz_pdf"].model_fields[name].annotation
    assert part().model_dump() == defaults


def replaced(content, others):
    """Replace parts of a block, unknown ones too."""
    return {**content, **{k: replaced(content[k], v) if isinstance(v, dict) else v for k, v in others.items()}}


def numbers(content, path=()):
    """Yield the path of each number of a block."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from numbers(value, (*path, key))
    elif type(content) in (int, float):
        yield path


@pytest.mark.parametrize("block", SETTINGS)
@pytest.mark.parametrize("wrong", ["1e-3", True, None, [[]], float("nan"), -1e9], ids=repr)
def test_every_number_of_every_block_is_checked(block, wrong):
    """Text, as YAML reads 1e-3, no number, or an impossible one: block and setting are named."""
    may_be_none = {("train_star_galaxy_convnet", "most_training"), ("photoz_pdf", "trainz", "bandwidth")}
    any_number = {("evaluate_pit_calibration", "panels", "shift")}
    for path in numbers(SETTINGS[block]):
        if (wrong is None and (block, *path) in may_be_none) or (wrong == -1e9 and (block, *path) in any_number):
            continue
        content = copy.deepcopy(SETTINGS[block])
        part = content
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = wrong
        with pytest.raises(InputError) as error:
            check_block(block, content, "params.yaml")
        assert f"params.yaml: {block}: {'.'.join(path)}" in str(error.value)
        assert "expected" in str(error.value)
        assert error.value.kind == "setting-type" or isinstance(wrong, float)


@pytest.mark.parametrize(
    ("block", "content", "expected"),
    [
        ("features", {"sed": 2}, "features: unknown setting 'sed'; did you mean 'seed'?"),
        ("train_cnn_redshift", {"network": {"epoch": 2}}, "unknown setting 'network.epoch'; did you mean 'epochs'?"),
        ("features", {"nside": 12}, "features: nside: 12; expected a power of two"),
        ("train_feature_importance", {"depths": [6, 6]}, r"depths: \[6, 6\]; expected ascending values"),
        (
            "evaluate_pit_calibration",
            {"panels": {"estimator": "mnd"}},
            "panels.estimator: 'mnd'; expected 'rdf', 'knn'",
        ),
        ("simulate_boxes", {"redshift": 10.0}, "expected redshift 10 below z_start, 9"),
        ("evaluate_adversarial", {"headline": 0.4}, "headline: 0.4; expected one of epsilons: 0.01, 0.03, 0.1, 0.2,"),
        ("evaluate_adversarial", {"redshift": {"headline": 2.0}}, "redshift.headline: 2.0; expected one of epsilons: "),
        ("real_adversarial", {"epsilons": [0.5, 2.0]}, r"epsilons: \[0.5, 2.0\]; expected 1 among them: one sky noise"),
        ("train_nbody_gan", {"statistics": {"marks": [[1]]}}, r"statistics.marks.0: \[1\]; expected"),
    ],
)
def test_what_is_wrong_is_named(block, content, expected):
    with pytest.raises(InputError, match=expected):
        check_block(block, replaced(SETTINGS[block], content), "params.yaml")


def test_a_stage_does_not_start_with_a_wrong_setting(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text("features: {seed: 1, nside: 16, z_max: 4.0, min_galaxies: many}\n")
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")
    with pytest.raises(InputError, match=r"features: min_galaxies: 'many'; expected a valid integer"):
        params.load("features")


def test_a_scale_with_an_impossible_setting_is_named(tmp_path, monkeypatch):
    (tmp_path / "scales").mkdir()
    (tmp_path / "params.yaml").write_text(paths.PARAMS.read_text())
    (tmp_path / "scales/tiny.yaml").write_text("features: {min_galaxies: 0}\n")
    for name, path in {"ROOT": tmp_path, "PARAMS": tmp_path / "params.yaml", "SCALES": tmp_path / "scales"}.items():
        monkeypatch.setattr(paths, name, path)
    with pytest.raises(
        InputError, match=r"scales/tiny\.yaml: features: min_galaxies: 0; expected greater than or equal"
    ):
        check_settings()
    (tmp_path / "scales/tiny.yaml").write_text("survey: {objects: 10, seed: 1, stamp: 5}\n")
    with pytest.raises(InputError, match=r"scales/tiny\.yaml: survey: unknown setting 'stamp'; did you mean"):
        check_settings()
    (tmp_path / "scales/tiny.yaml").unlink()
    assert check_settings() is None
