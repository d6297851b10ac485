"""The one error that means: what you gave me cannot be used, and here is why."""

import difflib
from collections.abc import Iterable

# What can be wrong with input, by the identifier that the message begins with: `error [no-such-file]: …`.
KINDS = {
    "unusable": "anything that has no identifier of its own",
    # files
    "no-such-file": "a file or folder that is not there",
    "empty-file": "a file without content",
    "damaged-file": "cut short, changed, or not of the type that it is said to be",
    "checksum": "not the file that the provenance tells of",
    "output-exists": "what is to be made is there already",
    "cannot-write": "no permission to read or write, a read-only disk, or no room",
    "leads-outside": "a link or path out of the file or folder that was given",
    "code-in-data": "objects that could run code when they are read, such as pickles",
    # tables
    "no-rows": "a table, or a set of stamps, without objects",
    "row-length": "a row, or the header, with too many or too few cells",
    "which-table": "several tables or arrays, or none, where one is needed",
    "no-such-part": "a group, extension or array that the file does not have",
    "lengths-differ": "columns, arrays or files that should be equally long",
    "no-such-column": "a column that the table does not have",
    "column-twice": "two columns of one name",
    "not-in-contract": "a name that is no column of the catalogue",
    "not-scalar": "several values where there should be one",
    "not-a-number": "text or another type in the place of a number",
    "not-whole": "a fraction in the place of a whole number",
    "out-of-range": "a value that cannot be, such as a declination of 100 degrees",
    "no-value": "an empty cell where every object needs a value",
    "bad-object-id": "an object number that is empty, no whole number, or has lost digits",
    "object-twice": "one object number for two objects",
    "unknown-class": "a class that is not GALAXY, STAR or QSO",
    "bad-unit": "a unit that is unknown, or of another quantity",
    "flux-alone": "an error of a flux without the flux",
    # stamps
    "stamp-shape": "an array that is no cube of stamps in five bands",
    "stamp-type": "pixels that are no real numbers",
    "which-axis": "two axes of five entries, either of which may be the bands",
    "bad-pixels": "a stamp that is dead, or has pixels that are no numbers",
    "no-row-for-stamp": "a stamp and a catalogue that do not belong together",
    "sky-in-stamps": "pixels with the sky still in them, or no fluxes",
    # models and PDFs
    "other-model": "a model of another estimator, architecture or set of bands",
    "not-a-pdf": "densities that are negative, no numbers, or zero everywhere",
    # settings
    "unknown-setting": "a key that does not exist, perhaps misspelt",
    "missing-setting": "a key that must be there",
    "setting-type": "text for a number, a number for a list, …",
    "setting-value": "a value that cannot be, such as a negative number of trees",
}


class InputError(ValueError):
    """Input from outside (a file, a table, a setting) that breaks its contract.

    The command line turns it into one readable message and exit code 2; nothing has been written by then.

    Parameters
    ----------
    message : str
        The file, the place in it, what is there, and what was expected.
    kind : str
        One of `KINDS`.
    """

    def __init__(self, message: str, kind: str = "unusable") -> None:
        assert kind in KINDS, kind
        super().__init__(message)
        self.kind = kind


def nearest(name: str, options: Iterable[str]) -> str:
    """Return '; did you mean …?' to end a message with; the first few options where none is near."""
    by_lower = {option.lower(): option for option in options}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {by_lower[near[0]]!r}?"
    shown = ", ".join(list(by_lower.values())[:12])
    return f"; expected one of: {shown}{', …' if len(by_lower) > 12 else ''}"
