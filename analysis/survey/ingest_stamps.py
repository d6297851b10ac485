"""The door for foreign stamps: cubes, object numbers and labels in, a survey folder out, all of it or nothing.

Which stamps and rows belong together is decided by object number where both sides have one, else by place. A stamp
without a row is an error, and so is a row of the labels without a stamp: both mean that two files do not belong
together. A catalogue of `--catalogue` may hold objects without stamps, as most surveys do, and is copied as it is.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from analysis.errors import InputError
from analysis.survey.catalogue import (
    CATALOGUE,
    STAMPS,
    catalogue_path,
    counts,
    new_folder,
    parquet_writer,
    read_catalogue,
    read_provenance,
    refuse_existing,
    sha256,
    to_arrow,
    write_provenance,
)
from analysis.survey.cubes import PER_BAND, Cube, open_cube
from analysis.survey.foreign_stamps import BORDER, Options, check_sky, read_foreign
from analysis.survey.schema import BANDS, check_catalogue
from analysis.survey.stamp_labels import ids_of, labels_beside, parse_classes, read_ids_file, read_labels
from analysis.survey.stamps_file import CHUNK, Stamps, StampsWriter

_BATCH = 16 * CHUNK


class Problem(NamedTuple):
    """An object that cannot be used: its number, where it is, and why."""

    object_id: int
    place: str
    why: str


@dataclass
class Problems:
    """Collects what cannot be used; without `skip`, the first is an error."""

    skip: bool
    found: list[Problem] = field(default_factory=list)

    def add(self, object_id: int, place: str, why: str, kind: str) -> None:
        """Take note of an object, or raise InputError."""
        if not self.skip:
            raise InputError(f"{place}, object {object_id}: {why} (--skip-bad leaves such objects out)", kind)
        self.found.append(Problem(int(object_id), place, why))


def ingest_stamps(files: Sequence[Path], out: Path, options: Options) -> None:
    """Turn foreign stamps into a survey folder.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Cubes of one kind, one after the other in the result.
    out : pathlib.Path
        Survey folder to make; must not exist.
    options : Options

    Raises
    ------
    InputError
        Naming file, stamp and object of what cannot be used. Nothing has been written then.
    """
    refuse_existing(out)
    _check_options(options)
    cubes = [open_cube(path, options.dataset, options.bands, options.axes) for path in files]
    for cube in cubes[1:]:
        if cube.shape[1:] != cubes[0].shape[1:]:
            raise InputError(
                f"{cube.source}: stamps of {cube.shape[1:]}; expected {cubes[0].shape[1:]} as before", "stamp-shape"
            )
    problems = Problems(options.skip_bad)
    object_id, catalogue, about = _identify(cubes, options)
    usable = _belonging(object_id, catalogue, cubes, options, problems)
    with new_folder(out) as folder:
        written = _write_stamps(folder / STAMPS, cubes, object_id, usable, options, problems)
        if not len(written):
            first = problems.found[0]
            raise InputError(f"{cubes[0].source}: no stamp can be used; {first.place}: {first.why}", "no-rows")
        if options.catalogue:
            shutil.copyfile(catalogue_path(options.catalogue), folder / CATALOGUE)
        else:
            catalogue = catalogue[catalogue["object_id"].isin(written)].drop_duplicates("object_id")
            check_catalogue(catalogue, str(options.labels or cubes[0].source))
            arrow = to_arrow(catalogue)
            with parquet_writer(folder / CATALOGUE, arrow.schema) as writer:
                writer.write_table(arrow)
        about["stamps"] = _about_stamps(files, cubes, options, problems)
        counted = counts(catalogue.get("class"), catalogue.get("redshift"), len(catalogue))
        write_provenance(folder, about, counted | {"stamps": len(written)})
    if problems.found:
        print(f"{len(problems.found)} objects left out, listed in {out / 'provenance.json'}")


def _check_options(options: Options) -> None:
    if options.catalogue and (options.labels or options.columns or options.classes):
        raise InputError(
            "--catalogue has the labels already; expected it without --labels, --columns and --classes", "setting-value"
        )
    if not np.isfinite(options.factor) or options.factor <= 0:
        raise InputError(
            f"--factor {options.factor}; expected nanomaggies for each unit of the pixels, above 0", "setting-value"
        )
    if not np.isfinite(options.pixel_scale) or options.pixel_scale <= 0:
        raise InputError(f"--pixel-scale {options.pixel_scale}; expected arcsec, above 0", "setting-value")
    for name in PER_BAND:
        values = getattr(options, name)
        if values is not None and (len(values) != len(BANDS) or not all(0 < v < np.inf for v in values)):
            raise InputError(
                f"--{name.replace('_', '-')} {values}; expected a positive number for each of u,g,r,i,z",
                "setting-value",
            )


def _identify(cubes: list[Cube], options: Options) -> tuple[np.ndarray, pd.DataFrame, dict[str, Any]]:
    """Return the object number of every stamp, the catalogue, and what is known of where it comes from."""
    n = sum(map(len, cubes))
    object_id = _stamp_ids(cubes, options, n)
    if options.catalogue:
        if object_id is None:
            raise InputError(
                f"{cubes[0].source}: stamps without object numbers; expected --ids FILE with --catalogue",
                "missing-setting",
            )
        about = read_provenance(options.catalogue) or {"kind": "ingested", "source": "not stated"}
        made_anew = ("counts", "code_version", "sha256")
        kept = {name: value for name, value in about.items() if name not in made_anew}
        return object_id, read_catalogue(options.catalogue), kept
    classes = parse_classes(options.classes) if options.classes else {}
    if options.labels:
        source = str(options.labels)
        table, about = read_labels(options.labels, options.columns, classes, options.label_is)
        about["labels"] = {"name": options.labels.name, "sha256": sha256(options.labels), "rows": len(table)}
    else:
        source = cubes[0].source
        beside = _beside(cubes)
        table, about = labels_beside(beside, source, options.columns, classes, options.label_is)
    if "object_id" not in table or object_id is None:
        if len(table) != n:
            raise InputError(
                f"{source}: {len(table)} labels for {n} stamps; expected one for each, or object numbers",
                "lengths-differ",
            )
        if object_id is None:
            object_id = table["object_id"].to_numpy() if "object_id" in table else np.arange(n)
        table = table.drop(columns="object_id", errors="ignore")
        table.insert(0, "object_id", object_id)
    return object_id, table, {"kind": "ingested", **about}


def _beside(cubes: list[Cube]) -> dict[str, np.ndarray]:
    """Join the labels that lie beside each cube."""
    names = [name for name in cubes[0].columns if name not in PER_BAND]
    for cube in cubes:
        if lacking := [name for name in names if name not in cube.columns]:
            raise InputError(
                f"{cube.source}: no array {lacking[0]!r}; expected it as in {cubes[0].source}", "no-such-part"
            )
    return {name: np.concatenate([cube.columns[name] for cube in cubes]) for name in names}


def _stamp_ids(cubes: list[Cube], options: Options, n: int) -> np.ndarray | None:
    if options.ids:
        ids = read_ids_file(options.ids)
        if len(ids) != n:
            raise InputError(
                f"{options.ids}: {len(ids)} object numbers for {n} stamps; expected one for each", "lengths-differ"
            )
        return ids
    parts = [ids_of(cube.columns, cube.source) for cube in cubes]
    known = [part for part in parts if part is not None]
    if known and len(known) < len(parts):
        without = next(cube.source for cube, part in zip(cubes, parts, strict=True) if part is None)
        raise InputError(
            f"{without}: stamps without object numbers, which other files have; expected --ids FILE", "no-such-part"
        )
    return np.concatenate(known) if known else None


def _place(cubes: list[Cube], number: int) -> str:
    """Say where a stamp is (counted from 0 over all cubes, said from 1 in its own), for an error message."""
    for cube in cubes:
        if number < len(cube):
            return f"{cube.source}: stamp {number + 1}"
        number -= len(cube)
    raise IndexError(number)


def _belonging(
    object_id: np.ndarray, catalogue: pd.DataFrame, cubes: list[Cube], options: Options, problems: Problems
) -> np.ndarray:
    """Tell which stamps are the first of their number and have a row; note every stamp and row that does not belong."""
    usable = np.ones(len(object_id), bool)
    for k in np.flatnonzero(pd.Series(object_id).duplicated()).tolist():
        first = int(np.argmax(object_id == object_id[k]))
        problems.add(object_id[k], _place(cubes, k), f"has the number of {_place(cubes, first)}", "object-twice")
        usable[k] = False
    labelled = catalogue["object_id"].to_numpy()
    for k in np.flatnonzero(~np.isin(object_id, labelled)).tolist():
        why = f"has no row in {options.catalogue or options.labels or 'the labels'}"
        problems.add(object_id[k], _place(cubes, k), why, "no-row-for-stamp")
        usable[k] = False
    if options.catalogue or np.array_equal(labelled, object_id):  # matched by place: said of the stamps already
        return usable
    for row in np.flatnonzero(~np.isin(labelled, object_id)):
        problems.add(
            labelled[row], f"{options.labels}: row {row + 1}", "names a stamp that is not there", "no-row-for-stamp"
        )
    for row in np.flatnonzero(pd.Series(labelled).duplicated()):
        problems.add(
            labelled[row], f"{options.labels}: row {row + 1}", "is a second row of this object", "object-twice"
        )
    return usable


def _write_stamps(
    path: Path, cubes: list[Cube], object_id: np.ndarray, usable: np.ndarray, options: Options, problems: Problems
) -> np.ndarray:
    """Write the stamps that can be used; return their object numbers."""
    console, written = Console(stderr=True), []
    _, _, ny, nx = cubes[0].shape
    batches = list(_batches(cubes))
    with StampsWriter(path, (ny, nx), options.pixel_scale) as writer:
        for first, cube, rows in track(
            batches, "stamps", console=console, transient=True, disable=not console.is_terminal
        ):
            numbers = np.arange(first + rows.start, first + rows.stop)
            stamps, why = read_foreign(cube, rows, object_id[numbers], options)
            for k, reason in zip(numbers, why, strict=True):
                if usable[k] and reason:
                    problems.add(object_id[k], _place(cubes, k), reason, "bad-pixels")
            good = usable[numbers] & np.array([not reason for reason in why])
            stamps = Stamps(*(getattr(stamps, name)[good] for name in Stamps.__dataclass_fields__))
            if good.any():
                check_sky(stamps, cube.source)
                writer.append(stamps)
            written.append(stamps.object_id)
    return np.concatenate(written)


def _batches(cubes: list[Cube]) -> Iterator[tuple[int, Cube, slice]]:
    """Yield the number of a cube's first stamp, the cube, and rows of it."""
    first = 0
    for cube in cubes:
        yield from ((first, cube, slice(k, min(k + _BATCH, len(cube)))) for k in range(0, len(cube), _BATCH))
        first += len(cube)


def _about_stamps(files: Sequence[Path], cubes: list[Cube], options: Options, problems: Problems) -> dict[str, Any]:
    """Return what the provenance says of the stamps."""
    beside = {name: all(name in cube.columns for cube in cubes) for name in PER_BAND}
    told = {name: "given" if getattr(options, name) or beside[name] else None for name in PER_BAND}
    how = asdict(options)
    return {
        "files": [
            {"name": Path(path).name, "sha256": sha256(path), "stamps": len(cube)}
            for path, cube in zip(files, cubes, strict=True)
        ],
        **{name: how[name] for name in ("bands", "pixels", "factor", "subtract_sky", "pixel_scale")},
        "sky_noise": told["sky_noise"] or f"measured on borders of {BORDER} pixels",
        "psf_fwhm": told["psf_fwhm"] or "unknown",
        "left_out": [problem._asdict() for problem in problems.found],
    }
