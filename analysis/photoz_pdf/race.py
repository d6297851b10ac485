"""Our estimators on one real table under the conditions of RAIL's: BOSS DR10, 12,000 galaxies to train."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import paths, pdf_metrics
from analysis.errors import InputError
from analysis.metrics import lsst_sigma_iqr, outliers_percent
from analysis.photoz_pdf.inputs import photometry
from analysis.photoz_pdf.interface import PdfEstimator
from analysis.photoz_pdf.names import RACE_TABLE
from analysis.photoz_pdf.pdf_files import LEVELS, quantile_name, write_ensemble, write_quantiles
from analysis.photoz_pdf.rescale import fit_rescaling, rescaled
from analysis.photoz_pdf.store import estimator_class
from analysis.survey.catalogue import read_catalogue
from analysis.survey.ingest import ingest

Array = np.ndarray

FILES = ("train_boss_dr10_0.csv", "train_boss_dr10_1.csv", "train_boss_dr10_3.csv", "eval_boss_dr10_eval0.csv")
BANDS = ("u", "g", "r", "i", "z")
GRID = np.linspace(0, 1, 301)
REDSHIFTS = (0.01, 1.0)
N_TRAIN = 12_000
SEED = 0

# What takes part: name in the table, estimator, settings.
OURS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("mdn", "mdn", {}),
    ("rdf", "rdf", {}),
    ("knn kernel", "knn", {"way": "kernel"}),
    ("knn gaussian", "knn", {"way": "gaussian"}),
    ("trainz", "trainz", {}),
)

_PEERS_SCRIPT = Path(__file__).parent / "rail_peers.py"
_CHUNK = 50_000


class Sample(NamedTuple):
    """Galaxies: magnitudes and errors (n, 5), redshifts (n,)."""

    magnitudes: Array
    errors: Array
    z: Array

    def take(self, rows: Array | slice) -> "Sample":
        """Return some of the galaxies."""
        return Sample(*(values[rows] for values in self))


def boss_dr10(real_data: Path) -> tuple[Sample, Sample]:
    """Return the training galaxies and the rest, which only `--final` may look at.

    All four files together, through the one door; duplicates dropped, 0.01 < z < 1, shuffled.

    Raises
    ------
    InputError
        If a file is missing, or breaks the contract.
    """
    files = [real_data / RACE_TABLE / name for name in FILES]
    if missing := [path for path in files if not path.is_file()]:
        raise InputError(f"{missing[0]}: no such file; expected the folder of real tables at {real_data}")
    with tempfile.TemporaryDirectory() as folder:
        ingest(files, paths.COLUMN_MAPS / f"{RACE_TABLE}.yaml", Path(folder) / "survey")
        table = read_catalogue(Path(folder) / "survey")
    measured = [name for name in table if name != "object_id"]
    table = table.drop_duplicates(measured)
    table = table[table["redshift"].between(*REDSHIFTS, inclusive="neither")]
    table = table.iloc[np.random.default_rng(SEED).permutation(len(table))]
    _, magnitudes, errors = photometry(table, BANDS, RACE_TABLE)
    sample = Sample(magnitudes, errors, table["redshift"].to_numpy())
    return sample.take(slice(N_TRAIN)), sample.take(slice(N_TRAIN, None))


def scores(pdfs: Array, z: Array) -> dict[str, float]:
    """Return the figures of the table for PDFs on `GRID`, those of the scores with their standard errors.

    The point estimate is the median.
    """
    median = pdf_metrics.median(GRID, pdfs)
    cde_loss, crps = pdf_metrics.cde_loss(GRID, pdfs, z), pdf_metrics.crps(GRID, pdfs, z)
    return {
        "cde_loss": float(np.mean(cde_loss)),
        "cde_loss_err": float(np.std(cde_loss) / np.sqrt(len(z))),
        "crps": float(np.mean(crps)),
        "crps_err": float(np.std(crps) / np.sqrt(len(z))),
        "ks": pdf_metrics.ks_distance(pdf_metrics.pit(GRID, pdfs, z)),
        "sigma_iqr": lsst_sigma_iqr(z, median),
        "outliers": outliers_percent(z, median) / 100,
    }


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return a result, the seconds it took, and the processor seconds of all threads, which other work leaves alone."""
    started, cpu_started = time.perf_counter(), time.process_time()
    result = work()
    return result, {"s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu_started}


def fit(name: str, settings: dict[str, Any], sample: Sample) -> PdfEstimator:
    """Return an estimator fitted to galaxies."""
    return estimator_class(name)(GRID, **settings).fit(*sample)


def out_of_fold(name: str, settings: dict[str, Any], sample: Sample, folds: int) -> Array:
    """Return the PDF of each galaxy by an estimator fitted to the other folds, shape (n, n_grid)."""
    fold = np.random.default_rng(SEED).permutation(len(sample.z)) % folds
    pdfs = np.empty((len(sample.z), len(GRID)))
    for number in range(folds):
        model = fit(name, settings, sample.take(fold != number))
        pdfs[fold == number] = model.pdf(*sample.take(fold == number)[:2])
    return pdfs


def calibrated_ks(pdfs: Array, z: Array, others: Array, z_others: Array) -> float:
    """Return KS of PDFs after the stretch and shift that make the PIT of out-of-fold PDFs flattest."""
    stretch, shift = fit_rescaling(GRID, others, z_others)
    return pdf_metrics.ks_distance(pdf_metrics.pit(GRID, rescaled(GRID, pdfs, stretch, shift), z))


def learning_curve(sample: Sample, sizes: tuple[int, ...], n_judged: int) -> list[dict[str, float]]:
    """Return what the mixture networks reach on `n_judged` training galaxies after training on some of the others."""
    order = np.random.default_rng(SEED).permutation(len(sample.z))
    judged, others = sample.take(order[:n_judged]), order[n_judged:]
    curve = []
    for size in sizes:
        seen = sample.take(others[:size])
        model = fit("mdn", {}, seen)
        of_judged, of_seen = scores(model.pdf(*judged[:2]), judged.z), scores(model.pdf(*seen[:2]), seen.z)
        curve.append({"galaxies": size, **of_judged, "cde_loss_of_training": of_seen["cde_loss"]})
    return curve


def prediction_speed(model: PdfEstimator, sample: Sample, objects: int) -> dict[str, float]:
    """Return microseconds per object, warm, from magnitudes to the closed file: mixtures or PDFs, and quantiles."""
    many = sample.take(np.random.default_rng(SEED).integers(0, len(sample.z), objects))
    chunks = [slice(start, start + _CHUNK) for start in range(0, objects, _CHUNK)]
    numbers = np.arange(objects)

    def ensembles() -> Iterator[tuple[str, dict[str, Array], dict[str, Array]]]:
        for c in chunks:
            yield *model.qp_parameters(*many.take(c)[:2]), {"object_id": numbers[c]}

    def tables() -> Iterator[dict[str, Array]]:
        for c in chunks:
            found = model.quantiles(*many.take(c)[:2], np.array(LEVELS)).astype(np.float32)
            yield {"object_id": numbers[c]} | {quantile_name(q): found[:, k] for k, q in enumerate(LEVELS)}

    model.qp_parameters(*many.take(chunks[0])[:2])  # warm
    result: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for what, write in {
            "mixtures": lambda: write_ensemble(Path(folder) / "pdfs.hdf5", ensembles(), objects, {}),
            "quantiles": lambda: write_quantiles(Path(folder) / "quantiles.parquet", tables(), {}),
        }.items():
            _, took = timed(write)
            result |= {f"{what}_us": 1e6 * took["s"] / objects, f"{what}_cpu_us": 1e6 * took["cpu_s"] / objects}
    return result


def peers(python: Path, training: Sample, test: Sample) -> dict[str, dict[str, float]]:
    """Return the figures of RAIL's estimators, run by the Python of a virtual environment that has them."""
    with tempfile.TemporaryDirectory() as folder:
        both = [np.concatenate(parts) for parts in zip(training, test, strict=True)]
        columns = {f"m_{band}": both[0][:, k] for k, band in enumerate(BANDS)}
        columns |= {f"e_{band}": both[1][:, k] for k, band in enumerate(BANDS)}
        pd.DataFrame(columns | {"zs": both[2]}).to_csv(Path(folder) / "table.csv", index=False)
        command = [str(python), str(_PEERS_SCRIPT), "table.csv", str(len(training.z))]
        try:
            subprocess.run(command, cwd=folder, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"{python}: cannot run RAIL's estimators ({error})") from None
        result: dict[str, dict[str, float]] = {}
        for path in sorted(Path(folder).glob("pdfs_*.npz")):
            content = np.load(path)
            pdfs = np.nan_to_num(content["pdfs"])
            pdfs[np.trapezoid(pdfs, GRID, axis=1) <= 0] = 1.0  # they give some objects none: nothing is known of those
            figures = scores(pdf_metrics.normalised(GRID, pdfs), test.z)
            result[path.stem.removeprefix("pdfs_")] = {
                "fit_s": float(content["fit_s"]),
                "predict_s": float(content["predict_s"]),
                **figures,
            }
    return result
