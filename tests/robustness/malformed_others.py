"""Stamps, surveys, model files, PDFs and settings that cannot be used; see `malformed`."""

import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import yaml
from astropy.io import fits
from malformed import CASES, Case, extra
from safetensors.numpy import save_file

from analysis import paths
from analysis.photoz_pdf.store import save_model
from analysis.photoz_pdf.trainz import TrainZ
from analysis.survey.catalogue import write_survey

N = 4
GRID = np.linspace(0, 1, 11)


@cache
def stamps() -> np.ndarray:
    """Return noise with a bright pixel: (N, 5, 12, 12)."""
    cube = np.random.default_rng(1).normal(0, 0.1, (N, 5, 12, 12)).astype("f4")
    cube[:, :, 6, 6] = 5
    return cube


def write_cube(path: Path, form: str, cube: np.ndarray, **beside: np.ndarray) -> None:
    """Write a cube of stamps in one of the formats of the door."""
    if form == "npy":
        np.save(path, cube)
        path.with_name("cube.npy").rename(path)
    elif form == "npz":
        with open(path, "wb") as file:
            np.savez(file, stamps=cube, **beside)
    elif form == "hdf5":
        with h5py.File(path, "w") as file:
            for name, values in {"stamps": cube, **beside}.items():
                file[name] = values
    else:
        fits.PrimaryHDU(cube).writeto(path)


def stamp_case(
    name: str, forms: str, kind: str, says: str, change: Callable[[np.ndarray], Any], *options: str, labels: Any = None
) -> None:
    """Add a cube that is changed, with labels beside it."""

    def make(folder: Path, form: str) -> list[str]:
        write_cube(folder / "cube", form, change(stamps().copy()))
        np.save(folder / "labels.npy", np.arange(N) % 2 if labels is None else labels)
        chosen = ["--labels", "labels.npy", "--classes", "0=STAR,1=GALAXY"]
        return ["survey", "ingest-stamps", "cube", *chosen, "--out", "out", *options]

    for form in forms.split():
        CASES.append(Case(name, form, kind, says, lambda folder, form=form: make(folder, form)))  # type: ignore[misc]


def with_value(value: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives a pixel of the third stamp a value."""

    def change(cube: np.ndarray) -> np.ndarray:
        cube[2, 1, 3, 3] = value
        return cube

    return change


def dead(cube: np.ndarray) -> np.ndarray:
    cube[1] = 0
    return cube


stamp_case("no cube", "npy fits npz", "which-table|stamp-shape", "shape|expected one array", lambda cube: cube[0])
stamp_case("four bands", "npy hdf5 fits", "stamp-shape", "expected the 5 bands", lambda cube: cube[:, :4])
stamp_case("no stamps", "npy hdf5", "stamp-shape", "expected (n, 5, ny, nx)", lambda cube: cube[:0])
stamp_case("complex pixels", "npy hdf5", "stamp-type", "expected real numbers", lambda cube: cube.astype("c8"))
stamp_case("bands on either axis", "npy hdf5", "which-axis", "say which with --axes", lambda cube: cube[:, :, :, :5])
stamp_case(
    "a pixel that is no number",
    "npy fits npz",
    "bad-pixels",
    "stamp 3, object 2: band g: 1 pixels are NaN",
    with_value(np.nan),
)
stamp_case("a dead stamp", "hdf5 npy", "bad-pixels", "dead: all pixels are 0", dead)
stamp_case("sky in the pixels", "npy fits", "sky-in-stamps", "--subtract-sky", lambda cube: cube + 100)
stamp_case(
    "an array that is not there",
    "npz hdf5",
    "no-such-part",
    "no array 'images'",
    lambda cube: cube,
    "--dataset",
    "images",
)
stamp_case(
    "a label too few", "npy", "lengths-differ", "3 labels for 4 stamps", lambda cube: cube, labels=np.arange(3) % 2
)
stamp_case(
    "labels with two values each", "npy", "not-scalar", "one value per stamp", lambda cube: cube, labels=np.ones((N, 2))
)
stamp_case("labels of no class", "npy", "unknown-class", "'7'", lambda cube: cube, labels=np.array([0, 1, 7, 1]))
stamp_case(
    "labels that hold objects",
    "npy",
    "code-in-data",
    "could run code",
    lambda cube: cube,
    labels=np.array([{}] * N, object),
)
stamp_case("a factor below 0", "npy", "setting-value", "--factor", lambda cube: cube, "--factor", "-1")
stamp_case("bands that are none", "npy", "setting-value", "expected the letters", lambda cube: cube, "--bands", "grizy")


class Runs:
    """Unpickled, it would write a file."""

    def __reduce__(self) -> tuple:
        return (Path("ran").touch, ())


def bytes_case(name: str, form: str, kind: str, says: str, write: Callable[[Path], object]) -> None:
    """Add a file of stamps that a function writes."""

    def make(folder: Path) -> list[str]:
        write(folder / "cube")
        return ["survey", "ingest-stamps", "cube", "--out", "out"]

    CASES.append(Case(name, form, kind, says, make))


def write_objects(path: Path, archive: bool) -> None:
    objects = np.array([Runs()] * N, object)
    with open(path, "wb") as file:
        np.savez(file, stamps=objects) if archive else np.save(file, objects)


def write_outside(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside.npy", b"not an array")
        link = zipfile.ZipInfo("link.npy")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")


def write_linked(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["stamps"] = h5py.ExternalLink("/etc/secret.h5", "/stamps")


def write_virtual(path: Path) -> None:
    layout = h5py.VirtualLayout((N, 5, 12, 12), "f4")
    layout[:] = h5py.VirtualSource("../other.h5", "stamps", (N, 5, 12, 12))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("stamps", layout)


bytes_case("pickled objects", "npy", "code-in-data", "could run code", lambda path: write_objects(path, False))
bytes_case("pickled objects", "npz", "code-in-data", "could run code", lambda path: write_objects(path, True))
bytes_case(
    "a torch pickle", "pt", "damaged-file", "no array|cannot be read", lambda path: torch.save({"w": Runs()}, path)
)
bytes_case("paths out of the archive", "npz", "damaged-file", "no array|cannot be read", write_outside)
bytes_case("a link to another file", "stamps hdf5", "leads-outside", "is a link to", write_linked)
bytes_case("pixels in another file", "stamps hdf5", "leads-outside", "in other files", write_virtual)
bytes_case(
    "of no known kind",
    "jpeg",
    "damaged-file",
    "of no known kind",
    lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" * 9),
)
bytes_case(
    "cut short", "npy", "damaged-file", "cannot be read", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'d")
)
bytes_case("stamps not there", "npy", "no-such-file", "no such file", lambda path: None)


def survey(folder: Path) -> Path:
    """Write a survey of four galaxies."""
    import pandas as pd

    columns = {"object_id": np.arange(N), "class": "GALAXY", "redshift": np.array([0.1, 0.2, 0.3, 0.4])}
    write_survey(
        pd.DataFrame(columns | {"dered_r": np.arange(18, 18 + N, dtype="f4")}), folder / "survey", {"kind": "ingested"}
    )
    return folder / "survey"


VALIDATE = ["survey", "validate", "survey", "--out", "out/summary.json"]


@extra("one bit of the catalogue flipped", "survey", "checksum|damaged-file", "sha256|cannot be read|not a readable")
def _(folder: Path) -> list[str]:
    catalogue = survey(folder) / "catalogue.parquet"
    raw = bytearray(catalogue.read_bytes())
    raw[-30] ^= 1  # in the words about the columns
    catalogue.write_bytes(raw)
    return VALIDATE


@extra("a provenance that names files elsewhere", "provenance", "leads-outside", "is no file of this folder")
def _(folder: Path) -> list[str]:
    file = survey(folder) / "provenance.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sha256": {"../../etc/passwd": "0"}}))
    return VALIDATE


@extra("a provenance that is no JSON", "provenance", "damaged-file", "not a readable JSON")
def _(folder: Path) -> list[str]:
    (survey(folder) / "provenance.json").write_text("{")
    return VALIDATE


@extra("a file that the provenance tells of is gone", "provenance", "no-such-file", "missing")
def _(folder: Path) -> list[str]:
    file = survey(folder) / "provenance.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sha256": {"stamps.h5": "0"}}))
    return VALIDATE


@extra("another file than the provenance tells of", "provenance", "checksum", "expected 0, as")
def _(folder: Path) -> list[str]:
    file = survey(folder) / "provenance.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sha256": {"catalogue.parquet": "0"}}))
    return VALIDATE


@extra("a column that is not in the contract", "survey", "not-in-contract", "'colour'")
def _(folder: Path) -> list[str]:
    import pandas as pd

    path = survey(folder) / "catalogue.parquet"
    pd.read_parquet(path).assign(colour=1.0).to_parquet(path)
    return VALIDATE


@extra("stamps of objects without a row", "survey", "no-row-for-stamp", "has no row in")
def _(folder: Path) -> list[str]:
    survey(folder)
    write_cube(folder / "cube", "npz", stamps(), object_id=np.arange(N) + 2)
    return ["survey", "ingest-stamps", "cube", "--catalogue", "survey", "--out", "out"]


@extra("a stamp twice", "npz", "object-twice", "has the number of")
def _(folder: Path) -> list[str]:
    survey(folder)
    write_cube(folder / "cube", "npz", stamps(), object_id=np.array([0, 1, 1, 2]))
    return ["survey", "ingest-stamps", "cube", "--catalogue", "survey", "--out", "out"]


@extra("no row for a stamp", "hdf5", "no-row-for-stamp", "has no row in")
def _(folder: Path) -> list[str]:
    survey(folder)
    write_cube(folder / "cube", "hdf5", stamps(), object_id=np.arange(N) + 1)
    return ["survey", "ingest-stamps", "cube", "--catalogue", "survey", "--out", "out"]


@extra("stamps over a survey that is there", "npz", "output-exists", "exists already")
def _(folder: Path) -> list[str]:
    survey(folder).rename(folder / "out")
    write_cube(folder / "cube", "npz", stamps())
    return ["survey", "ingest-stamps", "cube", "--out", "out"]


def model(folder: Path, kind: Any = TrainZ, **settings: Any) -> Path:
    """Write a model folder of one band."""
    rng = np.random.default_rng(1)
    trained = kind(GRID, **settings).fit(rng.uniform(17, 20, (30, 1)), None, rng.uniform(0.1, 0.9, 30))
    save_model(folder / "model", trained, {"bands": ["r"]})
    return folder / "model"


PREDICT = ["photoz", "predict", "--model", "model", "--data", "survey", "--out", "out/pdfs.hdf5"]


def model_case(name: str, form: str, kind: str, says: str, change: Callable[[Path], object]) -> None:
    """Add a model folder that is changed."""

    def make(folder: Path) -> list[str]:
        survey(folder)
        change(model(folder))
        return PREDICT

    CASES.append(Case(name, form, kind, says, make))


def change_about(**changes: Any) -> Callable[[Path], object]:
    """Return what changes the words about a model."""

    def change(folder: Path) -> None:
        about = json.loads((folder / "about.json").read_text())
        (folder / "about.json").write_text(json.dumps(about | changes))

    return change


def halve(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def other_network(folder: Path) -> None:
    about = {"estimator": "knn", "settings": {}, "n_features": 1}
    save_file({"grid": GRID}, folder / "model.safetensors", {"about": json.dumps(about)})


model_case("cut in half", "safetensors", "damaged-file", "not a whole safetensors file", halve)
model_case(
    "a torch pickle",
    "safetensors",
    "damaged-file",
    "not a whole safetensors",
    lambda folder: torch.save({"w": Runs()}, folder / "model.safetensors"),
)
model_case("of another estimator", "safetensors", "other-model", "holds a model of estimator 'knn'", other_network)
model_case(
    "words about another estimator", "about.json", "other-model", "estimator 'nets'", change_about(estimator="nets")
)
model_case("words about other bands", "about.json", "other-model", "a model of 1 bands", change_about(bands=["g", "r"]))
model_case(
    "bands that the survey lacks", "about.json", "no-such-column", "no column 'dered_K'", change_about(bands=["K"])
)
model_case(
    "no words about it",
    "about.json",
    "no-such-file",
    "no about.json here",
    lambda folder: (folder / "about.json").unlink(),
)
model_case(
    "words that are no JSON",
    "about.json",
    "damaged-file",
    "no readable model",
    lambda folder: (folder / "about.json").write_text("{"),
)


def pdf_case(name: str, kind: str, says: str, change: Callable[[h5py.File], object]) -> None:
    """Add a file of PDFs that is changed."""

    def make(folder: Path) -> list[str]:
        import qp

        survey(folder)
        densities = np.ones((N, len(GRID)))
        ensemble = qp.Ensemble(qp.interp, {"xvals": GRID, "yvals": densities}, {"object_id": np.arange(N)})
        ensemble.write_to(str(folder / "pdfs.hdf5"))
        with h5py.File(folder / "pdfs.hdf5", "a") as file:
            change(file)
        return ["photoz", "evaluate", "--pdfs", "pdfs.hdf5", "--data", "survey", "--out", "out/metrics.json"]

    CASES.append(Case(name, "pdfs", kind, says, make))


def replace(file: h5py.File, name: str, values: Any) -> None:
    del file[name]
    file[name] = values


pdf_case(
    "negative densities",
    "not-a-pdf",
    "a negative density",
    lambda file: replace(file, "data/yvals", -np.ones((N, len(GRID)))),
)
pdf_case(
    "densities that are no numbers",
    "not-a-pdf",
    "NaN or infinite",
    lambda file: replace(file, "data/yvals", np.full((N, len(GRID)), np.nan)),
)
pdf_case(
    "more objects than PDFs",
    "lengths-differ",
    "object numbers for",
    lambda file: replace(file, "ancil/object_id", np.arange(N + 1)),
)
pdf_case(
    "an object twice",
    "object-twice",
    "has 2 PDFs",
    lambda file: replace(file, "ancil/object_id", np.array([0, 1, 1, 2])),
)
pdf_case(
    "PDFs of other objects",
    "no-rows",
    "expected two or more",
    lambda file: replace(file, "ancil/object_id", np.arange(N) + 100),
)
pdf_case("no object numbers", "no-such-column", "no ancillary column", lambda file: file.__delitem__("ancil/object_id"))
pdf_case("no PDFs", "damaged-file", "not a readable qp ensemble", lambda file: file.__delitem__("data"))
pdf_case("a grid too short", "out-of-range", "grid covers", lambda file: replace(file, "meta/xvals", GRID[None] / 10))


@extra("a link to another file", "pdfs", "leads-outside", "is a link to")
def _(folder: Path) -> list[str]:
    survey(folder)
    with h5py.File(folder / "pdfs.hdf5", "w") as file:
        file["data/yvals"] = h5py.ExternalLink("../secret.h5", "/yvals")
    return ["photoz", "evaluate", "--pdfs", "pdfs.hdf5", "--data", "survey"]


def params_case(name: str, kind: str, says: str, change: Callable[[dict], Any] | str) -> None:
    """Add a params.yaml that is changed, or is a given text; the tests put it in the place of the real one."""

    def make(folder: Path) -> list[str]:
        settings = yaml.safe_load(paths.PARAMS.read_text())
        text = change if isinstance(change, str) else yaml.safe_dump((change(settings), settings)[1])
        (folder / "params.yaml").write_text(text)
        return ["params", "--out", "out/params.json"]

    CASES.append(Case(name, "params", kind, says, make))


params_case(
    "a misspelt key", "unknown-setting", "features: unknown setting 'sed'", lambda s: s["features"].update(sed=1)
)
params_case(
    "a misspelt key inside",
    "unknown-setting",
    "'network.epoch'",
    lambda s: s["train_cnn_redshift"]["network"].update(epoch=1),
)
params_case("an unknown block", "unknown-setting", "unknown block 'feature'", lambda s: s.update(feature={}))
params_case("a key that is not there", "missing-setting", "no setting 'seed'", lambda s: s["features"].pop("seed"))
params_case("a block that is not there", "missing-setting", "no block 'features'", lambda s: s.pop("features"))
params_case(
    "text for a number",
    "setting-type",
    "features: seed: 'one'; expected a valid integer",
    lambda s: s["features"].update(seed="one"),
)
params_case(
    "a number for a list",
    "setting-type",
    "depths: 6; expected a valid list",
    lambda s: s["train_feature_importance"].update(depths=6),
)
params_case(
    "trees below 1",
    "setting-value",
    "forest.n_estimators: -5; expected greater",
    lambda s: s["train_star_galaxy"]["forest"].update(n_estimators=-5),
)
params_case(
    "a resolution that is none", "setting-value", "expected a power of two", lambda s: s["features"].update(nside=15)
)
params_case("a list in the place of blocks", "setting-type", "expected `key: value` lines", "[1, 2]")
params_case("nothing", "empty-file", "empty", "")
params_case("not YAML", "damaged-file", "cannot be read as YAML", "features: {")
params_case(
    "a tag that runs code", "code-in-data", "python/object", "features: !!python/object/apply:os.system ['touch ran']"
)
params_case("a key twice", "damaged-file", "a key comes twice", "features: {seed: 1, seed: 2}")
