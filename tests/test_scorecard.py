"""Claims: the rules, the words of the verdicts, what happens where there is nothing to judge."""

import dataclasses
import json
import math
import re
import shutil
from pathlib import Path

import pytest
import yaml
from fake_results import FEATURE_IMPORTANCE, GAIN, PROVENANCE, REAL, write_everything, write_metrics

from analysis import paths, rules, scorecard
from analysis.claims import Claim, Subject, read_claims, read_subjects
from analysis.errors import InputError
from analysis.rules import CANNOT, MOCK, UNDECIDED
from analysis.scorecard import judge, kind_of_test

SUBJECT = Subject(source="hoyle2015", shown="fig-ann-table", code="analysis/scorecard.py")
PUBLISHED = {"paper": {"sigma": 0.075, "later": 0.065, "gain": 0.18, "pair": [0.066, 0.041]}}
SIGMA = Claim(
    id="sigma",
    claim="sigma",
    result="paper",
    published={"value": "paper.sigma"},
    read="table",
    ours="point.sigma",
    rule={"name": "within", "tolerance_percent": 10},
)
GAINED = dataclasses.replace(
    SIGMA, published={"percent": "paper.gain"}, ours="gain.sigma_percent", rule={"name": "interval_covers"}
)


def sigma(value: float, error: float = 0.001) -> dict:
    return {"point": {"sigma": value, "sigma_err": error}}


def gain(low: float, high: float) -> dict:
    middle = {"sigma_percent": (low + high) / 2, "sigma_percent_err": (high - low) / 4}
    return {"gain": middle | {"sigma_percent_low": low, "sigma_percent_high": high}}


def test_a_published_value_is_shown_with_its_error():
    claim = dataclasses.replace(SIGMA, published={"value": "paper.pair"})
    row = judge(claim, sigma(0.066), PUBLISHED, MOCK)
    assert row["published"] == "0.066 ± 0.041"
    assert row["verdict"] == "holds on the mock"


@pytest.mark.parametrize(
    ("result", "kind", "good", "bad"),
    [
        ("paper", "mock", "holds on the mock", "does not hold on the mock"),
        ("paper", "ingested", "reproduced", "not reproduced"),
        ("paper", "sdss", "reproduced", "not reproduced"),
        ("real/table", "mock", "reproduced", "not reproduced"),  # real tables are real whatever lies in data/
    ],
)
def test_words_of_the_verdict_depend_on_the_data(result, kind, good, bad):
    claim = dataclasses.replace(SIGMA, result=result)
    tested = kind_of_test(claim, SUBJECT, {}, {"kind": kind})
    assert judge(claim, sigma(0.076), PUBLISHED, tested)["verdict"] == good
    assert judge(claim, sigma(0.120), PUBLISHED, tested)["verdict"] == bad


def test_a_survey_of_unknown_kind_gets_no_verdict():
    with pytest.raises(InputError, match="kind is None"):
        kind_of_test(SIGMA, SUBJECT, {}, {})


def test_simulated_boxes_stay_a_mock_when_the_survey_is_real():
    subjects = read_subjects(paths.PAPER / "claims.yaml")
    of_result = {claim.result: claim for claim in read_claims(paths.PAPER / "claims.yaml") if claim.source is None}
    real = {"kind": "sdss"}
    assert kind_of_test(of_result["nbody_gan"], subjects["nbody_gan"], {}, real) == rules.MOCK
    assert kind_of_test(of_result["feature_importance"], subjects["feature_importance"], {}, real) == rules.PUBLISHED


def test_what_nobody_has_published_is_not_reproduced():
    own = dataclasses.replace(SUBJECT, source="")
    assert kind_of_test(SIGMA, own, {}, {"kind": "mock"}) == rules.MOCK
    tested = kind_of_test(SIGMA, own, {}, {"kind": "sdss"})
    assert judge(SIGMA, sigma(0.076), PUBLISHED, tested)["verdict"] == "holds on real data"
    assert judge(SIGMA, sigma(0.120), PUBLISHED, tested)["verdict"] == "does not hold on real data"
    control = dataclasses.replace(SIGMA, source="")  # beside published claims of the same result
    assert kind_of_test(control, SUBJECT, {}, {"kind": "sdss"}) == tested


def test_row_shows_values_errors_and_interval():
    row = judge(GAINED, gain(10.8, 15.2), PUBLISHED, MOCK)
    shown = [row[name] for name in ("published", "ours", "error", "interval")]
    assert shown == ["18", "13.0", "1.1", "10.8 to 15.2"]


def test_published_reduction_is_computed():
    claim = dataclasses.replace(GAINED, published={"reduction": ["paper.sigma", "paper.later"]}, unit="%")
    row = judge(claim, gain(10.8, 15.0), PUBLISHED, MOCK)
    assert row["published"] == "13.3%"  # 1 - 0.065 / 0.075
    assert row["verdict"] == "holds on the mock"
    assert judge(claim, gain(14.0, 15.0), PUBLISHED, MOCK)["verdict"] == "does not hold on the mock"
    assert judge(claim, gain(5.0, 25.0), PUBLISHED, MOCK)["verdict"] == UNDECIDED
    pair = dataclasses.replace(claim, published={"reduction": "paper.pair"})
    assert judge(pair, gain(10.8, 15.0), PUBLISHED, MOCK)["published"] == "37.9%"  # 1 - 0.041 / 0.066


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ({"not_run": "fewer than 500 galaxies"}, "fewer than 500 galaxies"),
        ({"other": 1}, "the survey has no stars"),
        ({"point": {"sigma": None}}, "the survey has no stars"),
        ({"point": {"sigma": math.nan}}, "the survey has no stars"),
    ],
)
def test_what_cannot_be_judged_says_why(metrics, why):
    row = judge(dataclasses.replace(SIGMA, needs="the survey has no stars"), metrics, PUBLISHED, MOCK)
    assert row["verdict"] == CANNOT
    assert row["ours"] == f"not run: {why}"


def test_a_gain_without_interval_is_not_judged():
    row = judge(GAINED, {"gain": {"sigma_percent": 5.0}}, PUBLISHED, MOCK)
    assert row["verdict"] == CANNOT


def test_wrong_paths_are_errors_and_not_missing_results():
    with pytest.raises(InputError, match=r"results/paper/metrics\.json has no 'sigma'"):
        judge(SIGMA, {"point": {"sigmas": 1}}, PUBLISHED, MOCK)
    with pytest.raises(InputError, match=r"claim \w+: results/paper/metrics\.json has no 'point'"):
        judge(SIGMA, {"points": {"sigma": 1}}, PUBLISHED, MOCK)
    with pytest.raises(InputError, match=r"no paper\.sigmas in published\.yaml"):
        judge(dataclasses.replace(SIGMA, published={"value": "paper.sigmas"}), sigma(1), PUBLISHED, MOCK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": {"name": "about"}}, "no rule 'about'"),
        ({"rule": {}}, r"claim [\w-]+: no rule None"),
        ({"rule": None}, r"claim [\w-]+: missing key"),
        ({"rule": "about"}, "no rule 'about'"),
        ({"rule": {"name": "at_most"}}, r"rule at_most with \[\]; expected \['most'\]"),
        ({"rule": {"name": "at_most", "most": 1, "least": 1}}, "expected ..most"),
        ({"rul": {}}, "unknown key 'rul'"),
        ({"id": "compute"}, "two claims have the id compute"),
        ({"claim": None}, "missing key"),
    ],
)
def test_faulty_claims_are_refused(tmp_path, change, message):
    content = yaml.safe_load((paths.PAPER / "claims.yaml").read_text())
    entry = {**content["claims"][0], **change}
    content["claims"][0] = {key: value for key, value in entry.items() if value is not None}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=message):
        read_claims(tmp_path / "claims.yaml")


def test_a_result_that_no_one_knows_is_refused(tmp_path):
    content = yaml.safe_load((paths.PAPER / "claims.yaml").read_text())
    del content["results"]["star_galaxy"]
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match="tpc-morph-beats-convnet: its result 'star_galaxy' is not in `results`"):
        read_subjects(tmp_path / "claims.yaml")
    content["results"]["star_galaxy"] = {"source": "kim2017"}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"results: .*'shown'"):
        read_subjects(tmp_path / "claims.yaml")


def test_every_claim_says_where_it_comes_from_and_where_it_is_shown(root):
    labels = set(re.findall(r"\{#([\w-]+)", "".join(file.read_text() for file in paths.PAPER.glob("**/*.[mq][dm]*"))))
    for row in score(root).values():
        assert row["shown"] in labels, row["id"]
        assert (paths.ROOT / row["code"]).is_file(), row["id"]
        ours = row["published"] in ("a control", "no number for a survey", "none published")
        assert bool(row["source_words"]) is not ours, row["id"]
        assert (row["scale"], row["data"]) == ("laptop", f"results/{row['result']}/metrics.json")
    assert score(root)["gan-mean-power"]["survey"] == "N-body boxes"
    assert score(root)["real-pit-biased"]["survey"] == "boss_dr10"
    assert score(root)["gain-sigma-table"]["survey"] == "mock survey"


@pytest.fixture
def root(tmp_path) -> Path:
    """A copy of the paper, with made-up results beside it."""
    ignored = shutil.ignore_patterns("_build", "tables", "figures", "_variables.yml")
    shutil.copytree(paths.PAPER, tmp_path / "paper", ignore=ignored)
    write_everything(tmp_path)
    return tmp_path


def score(root: Path) -> dict[str, dict[str, str]]:
    rows = scorecard.score(root / "results", root / "paper", root / "data")
    assert json.loads((root / "results" / "claims.json").read_text()) == rows
    return {row["id"]: row for row in rows}


def test_claims_of_the_paper_on_made_up_results(root):
    rows = score(root)
    assert rows["gain-sigma-direction"]["verdict"] == "holds on the mock"
    assert rows["gain-sigma-abstract"]["verdict"] == "does not hold on the mock"  # 18 is outside 10.8 to 15.1
    assert rows["gain-sigma-table"]["verdict"] == "holds on the mock"  # 13.3 is inside
    assert rows["trees-sigma-direction"]["verdict"] == "does not hold on the mock"
    assert rows["compute"]["verdict"] == "does not hold on the mock"  # a ratio of 20
    assert rows["sdss-outliers"]["ours"] == "not run: the survey has no photoz_sdss"
    assert rows["real-gain-sigma-direction"]["verdict"] == "reproduced"


def test_sdss_photometric_redshift_is_tested_where_there_is_one(root):
    compared = {"sigma_scaled_percent": 30.0, "sigma_scaled_percent_err": 4.0}
    compared |= {"sigma_scaled_percent_low": 22.0, "sigma_scaled_percent_high": 38.0}
    compared |= {"outliers_percent": 10.0, "outliers_percent_err": 9.0}
    compared |= {"outliers_percent_low": -8.0, "outliers_percent_high": 28.0}
    write_metrics(root / "results", "feature_importance", FEATURE_IMPORTANCE | {"sdss_vs_adaboost": compared})
    (root / "data" / "provenance.json").write_text(json.dumps(PROVENANCE | {"kind": "ingested"}))
    rows = score(root)
    assert rows["sdss-sigma-scaled"]["verdict"] == "reproduced"
    assert rows["sdss-outliers"]["verdict"] == "not reproduced"


def test_without_psf_magnitudes_their_claims_are_not_judged(root):
    sample = FEATURE_IMPORTANCE["sample"] | {"n_psf_features": 0}
    write_metrics(root / "results", "feature_importance", FEATURE_IMPORTANCE | {"sample": sample})
    row = score(root)["ann-psf-magnitudes-and-colours"]
    assert (row["verdict"], row["ours"]) == (CANNOT, "not run: the survey has no PSF magnitudes")


def test_a_simulated_table_is_a_mock(root):
    write_metrics(root / "results", "real/galaxyzoo1_table", REAL["galaxyzoo1_table"] | {"simulated": True})
    assert score(root)["real-gain-sigma-direction"]["verdict"] == "holds on the mock"


def test_without_results_every_claim_says_so(root):
    shutil.rmtree(root / "results")
    rows = score(root)
    assert {row["verdict"] for row in rows.values()} == {CANNOT}
    assert rows["compute"]["ours"] == "not run: no results/feature_importance/metrics.json"


def test_null_gains_are_no_error(root):
    null = FEATURE_IMPORTANCE | {"ann_gain": dict.fromkeys(GAIN)}
    write_metrics(root / "results", "feature_importance", null)
    write_metrics(root / "results", "real/galaxyzoo1_table", REAL["galaxyzoo1_table"] | {"gain": dict.fromkeys(GAIN)})
    assert score(root)["gain-outliers-abstract"]["verdict"] == CANNOT


def test_a_gain_on_nothing_says_what_was_lacking(root):
    gain = {name: value for name, value in GAIN.items() if not name.startswith("outliers")}
    write_metrics(root / "results", "feature_importance", FEATURE_IMPORTANCE | {"ann_gain": gain})
    row = score(root)["gain-outliers-direction"]
    assert row["verdict"] == CANNOT
    assert "too few outliers to lose" in row["ours"]


def test_nothing_is_reproduced_on_simulated_galaxies(root):
    simulated = PROVENANCE | {"kind": "ingested", "simulated": True}
    (root / "data" / "provenance.json").write_text(json.dumps(simulated))
    verdicts = {row["verdict"] for name, row in score(root).items() if not name.startswith("real-")}
    assert verdicts <= {"holds on the mock", "does not hold on the mock", CANNOT, "undecided at this sample size"}


def test_missing_provenance_is_an_error(root):
    (root / "data" / "provenance.json").unlink()
    with pytest.raises(InputError, match="provenance of the survey"):
        score(root)


def test_parity_that_too_few_objects_cannot_show_is_undecided():
    claim = dataclasses.replace(GAINED, rule={"name": "interval_within", "tolerance": 10})
    assert judge(claim, gain(-4, 12), PUBLISHED, MOCK)["verdict"] == "undecided at this sample size"
    assert judge(claim, gain(-4, 9), PUBLISHED, MOCK)["verdict"] == "holds on the mock"
    assert judge(claim, gain(3, 12), PUBLISHED, MOCK)["verdict"] == "does not hold on the mock"


def test_a_difference_that_rests_on_a_handful_of_objects_is_undecided():
    enough = {"of": "gain.n_wrong", "least": 10, "what": "objects ranked wrongly"}
    claim = dataclasses.replace(GAINED, rule={"name": "interval_above_zero"}, enough=enough)
    few, many = gain(3, 12), gain(3, 12)
    few["gain"]["n_wrong"], many["gain"]["n_wrong"] = 9, 10
    row = judge(claim, few, PUBLISHED, MOCK)
    assert row["verdict"] == "undecided at this sample size"
    assert row["ours"] == "7.5"  # the number is shown all the same
    assert row["rule"].endswith("(undecided with fewer than 10 objects ranked wrongly)")
    assert judge(claim, many, PUBLISHED, MOCK)["verdict"] == "holds on the mock"
    with pytest.raises(InputError, match=r"no gain\.n_wrong"):
        judge(claim, gain(3, 12), PUBLISHED, MOCK)


def test_none_of_a_few_is_not_fewer_than_one_in_a_hundred():
    [claim] = [one for one in read_claims(paths.PAPER / "claims.yaml") if one.id == "real-spirals-noise"]
    for n, verdict in ((47, "undecided at this sample size"), (400, "holds on real data")):
        bootstrapped = {"confident_flipped_percent": 0.0}
        bootstrapped |= {f"confident_flipped_percent_{end}": 0.0 for end in ("err", "low", "high")}
        row = judge(claim, {"n_confident": n, "attacks": {"noise": bootstrapped}}, {}, rules.OWN)
        assert row["verdict"] == verdict
        assert row["ours"] == "0%" and row["error"] == ""
        assert row["interval"] not in ("", "0 to 0")


def test_the_rule_for_real_stars_and_galaxies_can_fail():
    [claim] = [one for one in read_claims(paths.PAPER / "claims.yaml") if one.id == "real-tpc-phot"]
    published = yaml.safe_load(paths.PUBLISHED.read_text())
    for mse, verdict in ((0.0285, "reproduced"), (0.0197, "not reproduced"), (0.04, "not reproduced")):
        figures = {"auc": 0.99, "auc_err": 0.001, "mse": mse, "mse_err": 0.001}
        row = judge(claim, {"classifiers": {"tpc_phot": figures}}, published, rules.PUBLISHED)
        assert row["verdict"] == verdict
