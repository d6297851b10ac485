"""photoz train, predict, evaluate on a small survey with a band that SDSS does not have."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import qp
from full_disk import largest_file
from toy_photometry import draw

from analysis import params, pdf_metrics
from analysis.__main__ import main
from analysis.photoz_pdf.inputs import bands_of, labelled_sample
from analysis.photoz_pdf.interface import grid_for
from analysis.photoz_pdf.pdf_files import LEVELS, PdfFile, quantile_name, write_ensemble
from analysis.photoz_pdf.store import load_model
from analysis.survey.catalogue import read_catalogue, write_survey

QUICK = {"rdf": {"n_estimators": 3, "folds": 2}, "knn": {}, "mdn": {"members": 2, "steps": 60}, "trainz": {}}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    real = params.load
    monkeypatch.setattr(
        params, "load", lambda block: QUICK | {"seed": 1, "n_bootstrap": 20} if block == "photoz_pdf" else real(block)
    )


def catalogue(n=500, bands=("g", "r", "J"), **columns):
    magnitudes, errors, z = draw(n)
    table = {"object_id": np.arange(n) + 10, "class": "GALAXY", "redshift": np.clip(z, 0.001, None)}
    for k, band in enumerate(bands):
        table |= {f"dered_{band}": magnitudes[:, k], f"deredErr_{band}": errors[:, k]}
    return pd.DataFrame(table | columns)


@pytest.fixture
def survey(tmp_path):
    write_survey(catalogue(), tmp_path / "survey", {"kind": "ingested"})
    return tmp_path / "survey"


def train(survey, estimator, out, *more):
    return main(["photoz", "train", "--data", str(survey), "--estimator", estimator, "--out", str(out), *more])


def predict(model, data, out, *more):
    return main(["photoz", "predict", "--model", str(model), "--data", str(data), "--out", str(out), *more])


@pytest.mark.parametrize("estimator", QUICK)
def test_qp_opens_the_pdfs_and_agrees(survey, tmp_path, estimator):
    assert train(survey, estimator, tmp_path / "model") == 0
    assert predict(tmp_path / "model", survey, tmp_path / "pdfs.hdf5") == 0
    ensemble = qp.read(str(tmp_path / "pdfs.hdf5"))
    table = read_catalogue(survey)
    np.testing.assert_array_equal(ensemble.ancil["object_id"], table["object_id"])
    model, about = load_model(tmp_path / "model")
    assert about["bands"] == ["g", "r", "J"]
    magnitudes, errors = (table[[f"{kind}_{b}" for b in "grJ"]].to_numpy() for kind in ("dered", "deredErr"))
    ours, grid = model.pdf(magnitudes, errors), model.grid
    step = grid[1] - grid[0]
    theirs = ensemble.pdf(grid)
    if estimator == "mdn":  # mixtures are not cut at the ends of the grid, and are not means over cells
        assert ensemble.gen_class.name == "mixmod"
        theirs /= np.trapezoid(theirs, grid, axis=1)[:, None]
        assert np.mean(np.abs(theirs - ours).sum(axis=1) * step) < 0.01
    else:
        np.testing.assert_allclose(theirs, ours, rtol=1e-6, atol=1e-9)
    found = PdfFile(tmp_path / "pdfs.hdf5")
    np.testing.assert_array_equal(found.grid(grid_for(np.array([0.1, 3]))), grid)
    np.testing.assert_allclose(
        pdf_metrics.normalised(grid, found.densities(np.arange(40), grid)), ours[:40], rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("estimator", ["mdn", "knn"])
def test_quantiles_are_those_of_qp(survey, tmp_path, estimator):
    train(survey, estimator, tmp_path / "model")
    predict(tmp_path / "model", survey, tmp_path / "pdfs.hdf5")
    assert predict(tmp_path / "model", survey, tmp_path / "q.parquet", "--quantiles") == 0
    table = pd.read_parquet(tmp_path / "q.parquet")
    assert list(table) == ["object_id", "bands_measured", *map(quantile_name, LEVELS)]
    ensemble = qp.read(str(tmp_path / "pdfs.hdf5"))
    for level in (0.16, 0.5, 0.84):
        np.testing.assert_allclose(table[quantile_name(level)], ensemble.ppf(level)[:, 0], atol=0.003)


def test_evaluate_counts_only_galaxies_left_out_of_training(survey, tmp_path, capsys):
    train(survey, "knn", tmp_path / "model")
    predict(tmp_path / "model", survey, tmp_path / "pdfs.hdf5")
    capsys.readouterr()
    command = ["photoz", "evaluate", "--pdfs", str(tmp_path / "pdfs.hdf5"), "--data", str(survey)]
    assert main([*command, "--out", str(tmp_path / "figures.json")]) == 0
    printed, written = json.loads(capsys.readouterr().out), json.loads((tmp_path / "figures.json").read_text())
    galaxies, _ = labelled_sample(survey)
    held_out = galaxies[galaxies["split"] == "test"]
    assert printed["sample"] == "held out from training" and printed["galaxies"] == len(held_out)
    file = PdfFile(tmp_path / "pdfs.hdf5")
    grid = file.grid(np.empty(0))
    rows = pd.Index(file.object_id).get_indexer(held_out["object_id"])
    expected = pdf_metrics.crps(grid, file.densities(rows, grid), held_out["redshift"].to_numpy()).mean()
    assert written["crps"] == pytest.approx(expected, rel=1e-5)

    train(survey, "knn", tmp_path / "all", "--all")
    predict(tmp_path / "all", survey, tmp_path / "all.hdf5")
    capsys.readouterr()
    main(["photoz", "evaluate", "--pdfs", str(tmp_path / "all.hdf5"), "--data", str(survey)])
    printed = json.loads(capsys.readouterr().out)
    assert printed["sample"] == "seen in training" and printed["galaxies"] == len(galaxies)


def test_the_order_of_columns_is_no_matter(tmp_path):
    table = catalogue()
    for name, order in {"one": list(table), "two": [*list(table)[:3], *reversed(list(table)[3:])]}.items():
        write_survey(table[order], tmp_path / name, {"kind": "ingested"})
        train(tmp_path / name, "knn", tmp_path / f"model_{name}")
        predict(tmp_path / f"model_{name}", tmp_path / name, tmp_path / f"{name}.parquet", "--quantiles")
    pd.testing.assert_frame_equal(*(pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("one", "two")))
    assert bands_of(["dered_y", "dered_J", "dered_z", "dered_u", "deredErr_g"]) == ["u", "z", "J", "y"]


@pytest.mark.parametrize("estimator", ["trainz", "mdn"])
def test_a_full_disk_is_told_and_leaves_nothing(survey, tmp_path, capsys, estimator):
    assert train(survey, estimator, tmp_path / "model") == 0
    with largest_file(20_000):
        assert predict(tmp_path / "model", survey, tmp_path / "pdfs.hdf5") == 2
    assert "make room" in capsys.readouterr().err
    assert not list(tmp_path.glob("*pdfs*"))
    assert predict(tmp_path / "model", survey, tmp_path / "pdfs.hdf5") == 0


def test_predictions_do_not_depend_on_chunks(survey, tmp_path, monkeypatch):
    train(survey, "knn", tmp_path / "model")
    predict(tmp_path / "model", survey, tmp_path / "whole.hdf5")
    monkeypatch.setattr("analysis.photoz_pdf.predict._CHUNK", 77)
    predict(tmp_path / "model", survey, tmp_path / "parts.hdf5")
    with h5py.File(tmp_path / "whole.hdf5") as whole, h5py.File(tmp_path / "parts.hdf5") as parts:
        np.testing.assert_array_equal(whole["data/yvals"][:], parts["data/yvals"][:])


def test_foreign_tables_and_catalogue_files(survey, tmp_path):
    train(survey, "knn", tmp_path / "model")
    table = read_catalogue(survey)
    renamed = table.rename(columns={f"dered_{b}": f"mag{b}" for b in "grJ"} | {f"deredErr_{b}": f"e{b}" for b in "grJ"})
    renamed.drop(columns=["redshift", "class"]).to_csv(tmp_path / "table.csv", index=False)
    columns = {f"dered_{b}": f"mag{b}" for b in "grJ"} | {f"deredErr_{b}": f"e{b}" for b in "grJ"}
    (tmp_path / "map.yaml").write_text(json.dumps({"columns": columns | {"object_id": "object_id"}}))
    more = ("--columns", str(tmp_path / "map.yaml"), "--quantiles")
    assert predict(tmp_path / "model", tmp_path / "table.csv", tmp_path / "foreign.parquet", *more) == 0
    assert predict(tmp_path / "model", survey / "catalogue.parquet", tmp_path / "own.parquet", "--quantiles") == 0
    foreign, own = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("foreign", "own"))
    np.testing.assert_allclose(foreign["z_q0.500"], own["z_q0.500"], atol=1e-4)


def refused(capsys, code, *words):
    message = capsys.readouterr().err
    assert code == 2
    for word in words:
        assert word in message
    return True


def test_other_bands_than_in_training(survey, tmp_path, capsys):
    train(survey, "trainz", tmp_path / "model")
    write_survey(catalogue(bands=("g", "r", "K")), tmp_path / "other", {"kind": "ingested"})
    code = predict(tmp_path / "model", tmp_path / "other", tmp_path / "pdfs.hdf5")
    assert refused(capsys, code, "dered_J", "bands here: g, r, K", "g, r, J")
    assert not (tmp_path / "pdfs.hdf5").exists()
    assert not [path for path in tmp_path.iterdir() if "incomplete" in path.name]


def test_a_sentinel_is_no_magnitude(survey, tmp_path, capsys):
    train(survey, "knn", tmp_path / "model")
    table = catalogue()
    table.loc[3, "dered_r"] = -9999
    table.to_parquet(tmp_path / "table.parquet")
    code = predict(tmp_path / "model", tmp_path / "table.parquet", tmp_path / "pdfs.hdf5")
    assert refused(capsys, code, "'dered_r'", "object 13", "-9999")


def test_errors_and_magnitudes_may_be_missing_in_prediction(survey, tmp_path):
    train(survey, "mdn", tmp_path / "model")
    table = catalogue().drop(columns=["deredErr_g", "deredErr_r", "deredErr_J", "redshift", "class"])
    table.loc[:9, ["dered_g", "dered_r", "dered_J"]] = np.nan
    table.to_parquet(tmp_path / "table.parquet")
    assert predict(tmp_path / "model", tmp_path / "table.parquet", tmp_path / "q.parquet", "--quantiles") == 0
    quantiles = pd.read_parquet(tmp_path / "q.parquet")
    assert (quantiles["bands_measured"] == [0] * 10 + [3] * 490).all()
    assert np.isfinite(quantiles.to_numpy()).all()


def test_a_grid_that_does_not_cover_the_redshifts(survey, tmp_path, capsys):
    code = train(survey, "knn", tmp_path / "model", "--grid", "0", "0.5", "101")
    assert refused(capsys, code, "does not cover", "0 to 0.5")
    assert refused(capsys, train(survey, "knn", tmp_path / "model", "--grid", "1", "0", "101"), "low < high")
    train(survey, "knn", tmp_path / "model", "--grid", "0", "1", "101")
    predict(tmp_path / "model", survey, tmp_path / "pdfs.hdf5")
    write_survey(catalogue(redshift=np.linspace(0.1, 2, 500)), tmp_path / "deep", {"kind": "ingested"})
    code = main(["photoz", "evaluate", "--pdfs", str(tmp_path / "pdfs.hdf5"), "--data", str(tmp_path / "deep")])
    assert refused(capsys, code, "grid covers 0 to 1")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"redshift": 0.3}, ("1 redshift",)),
        ({"redshift": [0.3] + [np.nan] * 499}, ("1 training objects",)),
        ({"redshift": np.nan}, ("no galaxy with redshift",)),
        ({"class": "STAR"}, ("no galaxy with redshift",)),
    ],
)
def test_a_survey_that_cannot_train(tmp_path, capsys, columns, words):
    write_survey(catalogue(**columns), tmp_path / "survey", {"kind": "ingested"})
    assert refused(capsys, train(tmp_path / "survey", "knn", tmp_path / "model", "--all"), *words)
    assert not (tmp_path / "model").exists()


def test_a_survey_without_magnitudes_or_redshifts(tmp_path, capsys):
    table = catalogue()
    write_survey(table.drop(columns="redshift"), tmp_path / "no_z", {"kind": "ingested"})
    write_survey(table[["object_id", "redshift"]], tmp_path / "no_m", {"kind": "ingested"})
    assert refused(capsys, train(tmp_path / "no_z", "knn", tmp_path / "model"), "no column 'redshift'")
    assert refused(capsys, train(tmp_path / "no_m", "knn", tmp_path / "model"), "dered_<band>")


def densities(fault):
    grid = np.linspace(0, 1, 101)
    values = np.ones((500, 101))
    values[400] = {"negative": -1.0, "nan": np.nan, "zero": 0.0}[fault]
    return grid, values


@pytest.mark.parametrize(
    ("fault", "word"), [("negative", "negative density"), ("nan", "NaN or infinite"), ("zero", "norm of zero")]
)
def test_pdfs_that_are_none(survey, tmp_path, capsys, fault, word):
    grid, values = densities(fault)
    path = tmp_path / "pdfs.hdf5"
    ensemble = qp.Ensemble(
        qp.interp, data={"xvals": grid, "yvals": np.ones((500, 101))}, ancil={"object_id": np.arange(500) + 10}
    )
    ensemble.write_to(str(path))
    with h5py.File(path, "r+") as file:
        file["data/yvals"][:] = values
    code = main(["photoz", "evaluate", "--pdfs", str(path), "--data", str(survey)])
    assert refused(capsys, code, word, "row 401")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: _renumber(file, np.full(500, 7)), ("object 7 has 500 PDFs",)),
        (lambda file: _renumber(file, np.arange(10)), ("10 object numbers for 500 PDFs",)),
        (lambda file: file.attrs.__setitem__("about", "[1]"), ("not a readable qp ensemble",)),
        (lambda file: file.attrs.__setitem__("about", '{"grid": "wide"}'), ("not a readable qp ensemble",)),
    ],
)
def test_pdfs_of_a_damaged_file(survey, tmp_path, capsys, change, words):
    path = tmp_path / "pdfs.hdf5"
    grid = np.linspace(0, 2, 101)
    identity = {"object_id": np.arange(500) + 10}
    write_ensemble(path, [("interp", {"xvals": grid, "yvals": np.ones((500, 101))}, identity)], 500, {})
    command = ["photoz", "evaluate", "--pdfs", str(path), "--data", str(survey)]
    assert main(command) == 0
    with h5py.File(path, "r+") as file:
        change(file)
    assert refused(capsys, main(command), *words)


def _renumber(file, numbers):
    del file["ancil/object_id"]
    file["ancil/object_id"] = numbers


def test_a_model_folder_that_lacks_something(survey, tmp_path, capsys):
    train(survey, "rdf", tmp_path / "model")
    about = json.loads((tmp_path / "model" / "about.json").read_text())
    for bands, words in ((None, ("no readable model", "bands")), (["g"], ("a model of 3 bands", "says g"))):
        (tmp_path / "model" / "about.json").write_text(json.dumps({k: v for k, v in about.items() if k != "bands"}))
        if bands:
            (tmp_path / "model" / "about.json").write_text(json.dumps(about | {"bands": bands}))
        assert refused(capsys, predict(tmp_path / "model", survey, tmp_path / "pdfs.hdf5"), *words)
    (tmp_path / "model" / "about.json").write_text(json.dumps(about))
    (tmp_path / "model" / "trees_1.json").unlink()
    code = predict(tmp_path / "model", survey, tmp_path / "pdfs.hdf5")
    assert refused(capsys, code, "3 trees in 1 files; expected 6")


def test_files_that_are_none(survey, tmp_path, capsys):
    train(survey, "trainz", tmp_path / "model")
    assert refused(capsys, predict(tmp_path / "model", survey, tmp_path / "pdfs.fits"), ".hdf5")
    assert refused(capsys, predict(tmp_path / "nothing", survey, tmp_path / "pdfs.hdf5"), "expected a model folder")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    assert refused(capsys, predict(tmp_path / "model", tmp_path / "table.csv", tmp_path / "pdfs.hdf5"), "--columns MAP")
    (tmp_path / "broken.hdf5").write_text("no HDF5")
    code = main(["photoz", "evaluate", "--pdfs", str(tmp_path / "broken.hdf5"), "--data", str(survey)])
    assert refused(capsys, code, "not a readable qp ensemble")
    assert refused(capsys, train(survey, "trainz", tmp_path / "model"), "exists already")
    strangers = {"object_id": np.arange(500) + 10_000}
    write_ensemble(
        tmp_path / "others.hdf5",
        [("interp", {"xvals": densities("zero")[0], "yvals": np.ones((500, 101))}, strangers)],
        500,
        {},
    )
    code = main(["photoz", "evaluate", "--pdfs", str(tmp_path / "others.hdf5"), "--data", str(survey)])
    assert refused(capsys, code, "PDFs of 0 labelled galaxies")
