"""The mock survey as a whole."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from scipy.stats import ks_2samp

from analysis.errors import InputError
from analysis.survey import catalogue
from analysis.survey.mock import generate
from analysis.survey.mock.draw import draw_chunk
from analysis.survey.mock.parameters import parameters
from analysis.survey.schema import check_catalogue


@pytest.fixture(scope="module")
def mock(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("mock") / "survey"
    generate.generate(3_000, seed=7, out=out, workers=1)
    return out


def _truth(survey: Path) -> pd.DataFrame:
    return pd.read_parquet(survey / catalogue.TRUTH)


def test_a_mock_survey_keeps_the_contract(mock: Path) -> None:
    table = catalogue.read_catalogue(mock)
    check_catalogue(table, "mock")
    assert len(table) == 3_000
    assert table["object_id"].is_unique
    from analysis.features import FEATURES, photometric_features

    assert list(photometric_features(table)) == FEATURES


def test_provenance_says_what_was_drawn(mock: Path) -> None:
    provenance = catalogue.read_provenance(mock)
    assert provenance["kind"] == "mock"
    assert provenance["generator"]["seed"] == 7
    assert provenance["counts"]["objects"] == 3_000
    for name, digest in provenance["sha256"].items():
        assert catalogue.sha256(mock / name) == digest


def test_provenance_tells_of_wrong_redshifts_that_nothing_flags(mock: Path) -> None:
    table, truth = catalogue.read_catalogue(mock), _truth(mock)
    wrong = (table["redshift"] - truth["redshift"]).abs() > 0.01 * (1 + truth["redshift"])
    expected = (wrong & (table["redshift_warning"] == 0)).sum()
    assert catalogue.read_provenance(mock)["counts"]["unflagged_redshift_failures"] == expected > 0
    assert expected < wrong.sum()  # most failures are flagged


def test_shares_of_the_samples(mock: Path) -> None:
    drawn = _truth(mock)["sample"].value_counts(normalize=True)
    for name, sample in parameters()["samples"].items():
        assert drawn[name] == pytest.approx(sample["share"], abs=0.002)


def test_truth_is_row_for_row_that_of_the_catalogue(mock: Path) -> None:
    table, truth = catalogue.read_catalogue(mock), _truth(mock)
    assert np.array_equal(table["object_id"], truth["object_id"])
    labelled = table["class"].notna()
    assert (table.loc[labelled, "class"].astype(str) == truth.loc[labelled, "class"].astype(str)).all()
    good = table["redshift_warning"].eq(0) & ((table["redshift"] - truth["redshift"]).abs() < 0.01)
    assert good[labelled].mean() > 0.97


def test_labelled_galaxies_do_not_represent_the_others(mock: Path) -> None:
    table, truth = catalogue.read_catalogue(mock), _truth(mock)
    galaxies = table[truth["class"] == "GALAXY"]
    labelled = galaxies["redshift"].notna()
    assert ks_2samp(galaxies.loc[labelled, "dered_r"], galaxies.loc[~labelled, "dered_r"]).statistic > 0.5


def test_the_main_sample_ends_where_strauss_et_al_end_it(mock: Path) -> None:
    table, truth = catalogue.read_catalogue(mock), _truth(mock)
    main = table[truth["sample"] == "main"]
    assert (main["petroMag_r"] - main["extinction_r"]).max() <= 17.775  # stored to 1 mmag
    assert 0.07 < main["redshift"].median() < 0.13  # Strauss et al. (2002): 0.104


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory processes share")
def test_memory_and_threads_of_the_workers(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analysis", "survey", "mock", "--objects", str(6 * generate.CHUNK), "--seed", "1"]
    command += ["--stamps", str(6 * generate.STAMPS_CHUNK), "--workers", "2", "--out", str(tmp_path / "out")]
    parent = psutil.Popen(command, stdout=subprocess.DEVNULL)
    peak: dict[int, float] = {}
    threads: dict[int, str | None] = {}
    while parent.poll() is None:
        for process in [parent, *parent.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                peak[process.pid] = max(peak.get(process.pid, 0), process.memory_full_info().pss / 1e6)
                threads[process.pid] = process.environ().get("OMP_NUM_THREADS")
        time.sleep(0.1)
    assert parent.returncode == 0
    assert peak.pop(parent.pid) < generate.MEMORY_PARENT
    workers = sorted(peak, key=lambda pid: -peak[pid])[:4]  # two for the catalogue, two for the stamps
    assert 100 < peak[workers[-1]] <= peak[workers[0]] < generate.MEMORY_WORKER
    assert all(threads[pid] == "1" for pid in workers)
    assert all(peak[pid] < 20 for pid in set(peak) - set(workers))  # multiprocessing's own


def test_default_workers_fit_into_the_memory_budget(tmp_path: Path, monkeypatch) -> None:
    asked: list[int] = []

    def run_here(function: Callable[..., int], tasks: list[tuple], workers: int) -> list[int]:
        asked.append(workers)
        return [function(*task) for task in tasks]

    monkeypatch.setattr(generate, "run_all", run_here)
    for cores in (1, 64):
        monkeypatch.setattr(generate, "cores", lambda cores=cores: cores)
        generate.generate(20, seed=1, out=tmp_path / str(cores), stamps=1)
    one, *same, many, also_many = asked
    assert one == 1 and same == [1]
    assert many == also_many > 1
    assert generate.MEMORY_PARENT + many * generate.MEMORY_WORKER <= 2_000


def test_another_seed_is_another_survey() -> None:
    first, second = (draw_chunk(seed, 0, 60)[0].to_pandas() for seed in (1, 2))
    assert not np.array_equal(first["dered_r"], second["dered_r"])


@pytest.mark.parametrize(("objects", "seed", "workers"), [(0, 1, 1), (10, -1, 1), (10, 1, -2)])
def test_impossible_numbers_are_refused(tmp_path: Path, objects: int, seed: int, workers: int) -> None:
    with pytest.raises(InputError, match="expected"):
        generate.generate(objects, seed, tmp_path / "out", workers)
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        generate.generate(10, 1, tmp_path, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
