"""A small survey whose colours say redshift and class, and models that have learnt them: in seconds."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from analysis.apply import bundle
from analysis.apply.train import Parts, write_bundle
from analysis.photoz_pdf.mdn import MixtureDensityNetworks
from analysis.photoz_pdf.remap import fit_remapping
from analysis.photoz_pdf.sample import magnitudes_and_errors
from analysis.star_galaxy.names import TPC_MORPH

BANDS = ("g", "r", "i")
THREADS = {"processes": False, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": "CRITICAL"}
SETTINGS = {
    "outside": {"neighbours": 3, "share_outside": 0.02, "most": 400, "seed": 1},
    "isolation": {"n_estimators": 20, "max_samples": 64, "random_state": 1},
}


def draw(n: int, seed: int) -> pd.DataFrame:
    """Return a catalogue: colours linear in redshift, stars unresolved and of one colour, places on half the sky."""
    generator = np.random.default_rng(seed)
    z, is_galaxy = generator.uniform(0.05, 0.6, n), generator.random(n) < 0.7
    colour = np.where(is_galaxy, 0.4 + 1.5 * z, generator.normal(0.6, 0.3, n))
    r = generator.uniform(16, 21, n)
    table = pd.DataFrame({"object_id": np.arange(n) + 10**18, "redshift": z, "is_galaxy": is_galaxy})
    table["ra"], table["dec"] = generator.uniform(0, 360, n), np.degrees(np.arcsin(generator.uniform(0, 1, n)))
    table["split"] = np.where(np.arange(n) % 4, "train", "validation")
    for band, m in zip(BANDS, (r + colour, r, r - 0.5 * colour), strict=True):
        table[f"dered_{band}"] = m + 0.05 * generator.normal(size=n)
        table[f"deredErr_{band}"] = 0.05
        table[f"cModelMag_{band}"] = table[f"dered_{band}"]
        table[f"psfMag_{band}"] = m + np.where(is_galaxy, 0.5, 0.0) + 0.1 * generator.normal(size=n)
    floats = [name for name in table if name.partition("_")[0] in ("dered", "deredErr", "cModelMag", "psfMag")]
    return table.astype(dict.fromkeys(floats, "float32"))


def parts(n: int = 600) -> Parts:
    """Fit small models to a survey of so many objects."""
    objects = draw(n, seed=1)
    galaxies = objects[objects["is_galaxy"]].reset_index(drop=True)
    learnt_from = galaxies[galaxies["split"] == "train"]
    model = MixtureDensityNetworks(members=2, components=2, waves=8, hidden=[16], steps=200)
    model.fit(*magnitudes_and_errors(learnt_from), learnt_from["redshift"].to_numpy())
    remapping = fit_remapping(np.random.default_rng(2).beta(2, 1, 300), 21)
    of_class = objects[objects["split"] == "train"]
    forest = RandomForestClassifier(60, criterion="entropy", random_state=1)
    forest.fit(bundle.CLASS_INPUTS[TPC_MORPH](of_class), of_class["is_galaxy"])
    return Parts(galaxies, objects, model, remapping.tolist(), forest, TPC_MORPH)


def write_models(folder: Path) -> Parts:
    """Write a folder of models, and return what they were made of."""
    made = parts()
    write_bundle(folder, made, SETTINGS)
    return made


def write_parquet(table: pd.DataFrame, folder: Path, files: int) -> None:
    """Write a catalogue as a folder of so many Parquet files, two row groups in each."""
    folder.mkdir(parents=True)
    for number, part in enumerate(np.array_split(np.arange(len(table)), files)):
        rows = table.iloc[part].drop(columns=["redshift", "is_galaxy", "split"])
        rows.to_parquet(folder / f"part-{number}.parquet", index=False, row_group_size=(len(part) + 1) // 2)
