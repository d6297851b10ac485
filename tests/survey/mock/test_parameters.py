"""The mock's parameters are the frozen ones."""

from analysis.survey.mock import parameters


def test_parameters_are_the_frozen_ones() -> None:
    advice = (
        "parameters.yaml is not as it was frozen. Parameters answer to the anchoring's tests alone (REAL_DATA=folder "
        "python -m pytest tests/anchoring); where these pass, `python -m analysis anchoring freeze`, then `make real`, "
        "then draw the embedded survey again"
    )
    assert parameters.parameters_hash() == parameters.frozen_hash(), advice


def test_any_change_of_a_parameter_is_noticed_until_it_is_frozen(tmp_path, monkeypatch) -> None:
    changed = tmp_path / "parameters.yaml"
    changed.write_text(parameters.FILE.read_text().replace("H0: 70.0", "H0: 70.1"))
    monkeypatch.setattr(parameters, "FILE", changed)
    assert parameters.parameters_hash() != parameters.frozen_hash()
    monkeypatch.setattr(parameters, "FROZEN", tmp_path / "parameters.sha256")
    parameters.freeze()
    assert parameters.parameters_hash() == parameters.frozen_hash()
