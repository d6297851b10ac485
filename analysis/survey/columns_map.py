"""The columns map: the YAML page that says how a foreign table's columns become the catalogue's."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from analysis.errors import InputError, nearest
from analysis.params import read_yaml
from analysis.survey.schema import CLASSES, COLUMNS, column_of

FILE_TYPES = ("csv", "tsv", "whitespace", "fits", "votable", "parquet", "hdf5")
# Without these an object has no place, no label or no name: an empty cell is an error unless the map says
# otherwise.
REQUIRED = frozenset({"object_id", "ra", "dec", "redshift", "class"})


@dataclass(frozen=True)
class FileFormat:
    """How a file is written; what is not said is guessed from its content.

    Attributes
    ----------
    type : str or None
        One of FILE_TYPES.
    delimiter : str or None
        Between the cells of a text table.
    header : int, None or 'guess'
        The line that names the columns, counted from 0 without blank lines; comment lines count, unless the
        map says what a comment is. None: there is no such line.
    names : tuple of str
        Names of the columns, in place of what the header says.
    comment : str
        Lines that begin so are no rows.
    group : str or None
        HDF5 group or dataset, or FITS extension (name or number).
    """

    type: str | None = None
    delimiter: str | None = None
    header: int | str | None = "guess"
    names: tuple[str, ...] = ()
    comment: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class ColumnsMap:
    """A columns map that has been checked.

    Attributes
    ----------
    path : pathlib.Path
        The file it was read from.
    columns : dict
        Survey name to source name.
    constants : dict
        Survey name to the value that every object has.
    missing_values : dict
        Survey name, or pattern such as 'dered_*', to the values that mean: not measured.
    format : FileFormat
    units : dict
        Survey name to the unit of the source column, as astropy writes it; overrides what the file says.
    values : dict
        {'class': {source label: GALAXY, STAR or QSO}}.
    required, optional : frozenset of str
        Columns that must have a value in every row, and those that may lack one (against REQUIRED).
    simulated : bool
        Whether the objects were simulated: a claim that holds on them is not thereby reproduced.
    source, licence, notes : str
        For the provenance.
    content : dict
        The page as it was written, for the provenance.
    """

    path: Path
    columns: dict[str, str]
    constants: dict[str, Any] = field(default_factory=dict)
    missing_values: dict[str, list[Any]] = field(default_factory=dict)
    format: FileFormat = FileFormat()
    units: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    simulated: bool = False
    source: str = ""
    licence: str = ""
    notes: str = ""
    content: dict[str, Any] = field(default_factory=dict)

    def needs_value(self, name: str) -> bool:
        """Tell whether every row must have a value in this survey column."""
        return name in (REQUIRED | self.required) - self.optional

    def sentinels(self, name: str) -> list[Any]:
        """List the values that mean 'not measured' in a survey column; object_id is never missing."""
        if name == "object_id":
            return []
        matching = [values for pattern, values in self.missing_values.items() if fnmatchcase(name, pattern)]
        return [value for values in matching for value in values]


def read_map(path: Path) -> ColumnsMap:
    """Read and check a columns map.

    Parameters
    ----------
    path : pathlib.Path
        A YAML file; the keys are the attributes of `ColumnsMap`.

    Raises
    ------
    InputError
        If it cannot be read, has a key or names a column that does not exist, or a value of the wrong kind.
    """
    content = read_yaml(path)
    _check_keys(content, [f.name for f in fields(ColumnsMap) if f.name not in ("path", "content")], str(path))
    text = {key: _text(content.get(key, ""), f"{path}: {key}") for key in ("source", "licence", "notes")}
    columns = _survey_mapping(content, "columns", path)
    if not columns:
        raise InputError(f"{path}: no columns; expected `columns: {{survey name: source name, …}}`", "missing-setting")
    simulated = content.get("simulated", False)
    if not isinstance(simulated, bool):
        raise InputError(f"{path}: simulated: holds {simulated!r}; expected true or false", "setting-type")
    constants = _survey_mapping(content, "constants", path)
    for name, value in constants.items():
        _check_constant(name, value, f"{path}: constants: {name}")
    if both := columns.keys() & constants.keys():
        raise InputError(f"{path}: {min(both)!r} is in columns and in constants; expected it once", "column-twice")
    return ColumnsMap(
        path=Path(path),
        columns={name: _text(value, f"{path}: columns: {name}") for name, value in columns.items()},
        constants=constants,
        missing_values=_missing_values(content.get("missing_values", []), path),
        format=_file_format(content.get("format", {}), path),
        units={k: _text(v, f"{path}: units: {k}") for k, v in _survey_mapping(content, "units", path).items()},
        values=_values(_survey_mapping(content, "values", path), path),
        required=_names(content, "required", path),
        optional=_names(content, "optional", path),
        simulated=simulated,
        **text,
        content=content,
    )


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: holds {value!r}; expected `key: value` lines", "setting-type")
    return dict(value)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where}: holds {value!r}; expected text (put it in quotes)", "setting-type")
    return value


def _check_keys(content: dict[str, Any], known: list[str], where: str) -> None:
    for key in content:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}{nearest(key, known)}", "unknown-setting")


def _check_survey_name(name: Any, where: str) -> None:
    if not isinstance(name, str) or column_of(name) is None:
        raise InputError(
            f"{where}: {name!r} is not in the catalogue contract{nearest(name, COLUMNS)}", "not-in-contract"
        )


def _survey_mapping(content: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    """Return the mapping under a key, whose keys must be survey columns."""
    mapping = _mapping(content.get(key, {}), f"{path}: {key}")
    for name in mapping:
        _check_survey_name(name, f"{path}: {key}")
    return mapping


def _check_constant(name: str, value: Any, where: str) -> None:
    if name == "object_id":
        raise InputError(f"{where}: every object has its own; expected another column", "setting-value")
    if name == "class" and value not in CLASSES:
        raise InputError(f"{where}: {value!r} is no class{nearest(str(value), CLASSES)}", "unknown-class")
    if name != "class" and type(value) not in (int, float):
        raise InputError(f"{where}: holds {value!r}; expected a number", "setting-type")


def _names(content: dict[str, Any], key: str, path: Path) -> frozenset[str]:
    names = content.get(key, [])
    if not isinstance(names, list):
        raise InputError(f"{path}: {key}: holds {names!r}; expected a list of survey columns", "setting-type")
    for name in names:
        _check_survey_name(name, f"{path}: {key}")
    if key == "optional" and "object_id" in names:
        raise InputError(
            f"{path}: optional: object_id is never missing; leave it out of columns to number the rows", "setting-value"
        )
    return frozenset(names)


def _missing_values(value: Any, path: Path) -> dict[str, list[Any]]:
    """Bring a plain list, which holds for all columns, to the form by pattern; check both."""
    by_pattern = {"*": value} if isinstance(value, list) else _mapping(value, f"{path}: missing_values")
    for pattern, values in by_pattern.items():
        where = f"{path}: missing_values: {pattern}"
        if not any(fnmatchcase(name, str(pattern)) for name in COLUMNS):
            _check_survey_name(pattern, where)
        if not isinstance(values, list) or not all(type(v) in (int, float, str) for v in values):
            raise InputError(f"{where}: holds {values!r}; expected a list of numbers or texts", "setting-type")
    return by_pattern


def _file_format(value: Any, path: Path) -> FileFormat:
    where = f"{path}: format"
    given = _mapping(value, where)
    _check_keys(given, [f.name for f in fields(FileFormat)], where)
    names = given.get("names", [])
    if not isinstance(names, list) or len(set(map(str, names))) < len(names):
        raise InputError(f"{where}: names: holds {names!r}; expected a list of distinct names", "setting-type")
    given["names"] = tuple(_text(name, f"{where}: names") for name in names)
    header = given.get("header", "guess")
    if not (header is None or header == "guess" or (type(header) is int and header >= 0)):
        raise InputError(
            f"{where}: header: holds {header!r}; expected a line counted from 0, null or 'guess'", "setting-value"
        )
    if "group" in given:
        given["group"] = str(given["group"])
    for key in ("type", "delimiter", "comment"):
        if key in given:
            _text(given[key], f"{where}: {key}")
    if len(given.get("delimiter", ",")) != 1:
        found = given["delimiter"]
        raise InputError(
            f"{where}: delimiter: holds {found!r}; expected one character, or `type: whitespace`", "setting-value"
        )
    if given.get("type", "csv") not in FILE_TYPES:
        raise InputError(
            f"{where}: type: {given['type']!r} is unknown{nearest(given['type'], FILE_TYPES)}", "setting-value"
        )
    return FileFormat(**given)


def _values(mapping: dict[str, Any], path: Path) -> dict[str, dict[str, str]]:
    """Check the translation of class labels; source labels become text, since a file may hold numbers."""
    result = {}
    for name, labels in mapping.items():
        where = f"{path}: values: {name}"
        if name != "class":
            raise InputError(
                f"{where}: only labels are translated; expected `values: {{class: {{label: GALAXY}}}}`", "setting-value"
            )
        for label in _mapping(labels, where):
            if not isinstance(label, str | int | float):
                raise InputError(
                    f"{where}: label {label!r} is a {type(label).__name__}; expected text (put it in quotes)",
                    "setting-type",
                )
        result[name] = {str(label): _text(to, where) for label, to in _mapping(labels, where).items()}
        for label, to in result[name].items():
            if to not in CLASSES:
                raise InputError(f"{where}: {label}: {to!r} is no class{nearest(to, CLASSES)}", "unknown-class")
    return result
