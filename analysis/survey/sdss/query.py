"""The query for SDSS's spectroscopic sample, page by page (`query.sql`), and what its columns are."""

import re
from pathlib import Path
from urllib.parse import urlencode

from analysis.errors import InputError
from analysis.survey.schema import BANDS

QUERY = Path(__file__).parent / "query.sql"
LONGEST = 2048  # characters of a URL's query that SkyServer takes (astroquery issue 2211)
FIELD_COLUMNS = ("run", "camcol", "field", "rerun")

_SAME_NAME = (
    *("psfMag", "psfMagErr", "fiberMag", "fiberMagErr", "cModelMag", "cModelMagErr", "petroMag", "petroMagErr"),
    *("petroRad", "expRad", "deVRad", "fracDeV", "expAB", "deVAB", "q", "u", "extinction"),
)
COLUMNS = {  # survey name: name in the query
    "object_id": "objID",
    "ra": "ra",
    "dec": "dec",
    "class": "class",
    "redshift": "z",
    "redshift_err": "zErr",
    "redshift_warning": "zWarning",
    "photoz_sdss": "photoz",
    "photoz_sdss_err": "photozErr",
    **{f"dered_{band}": f"modelMag_{band}" for band in BANDS},  # less the extinction, once both are numbers
    **{f"deredErr_{band}": f"modelMagErr_{band}" for band in BANDS},
    **{f"{name}_{band}": f"{name}_{band}" for name in _SAME_NAME for band in BANDS},
}


def page_query(top: int, after: int, where: str = "") -> str:
    """Return the SQL for one page, on one line and without comments.

    Parameters
    ----------
    top : int
        At most so many objects.
    after : int
        Those whose objID is larger.
    where : str
        A further condition in SQL, such as 'p.run = 4510' or 'p.field % 25 = 0'.

    Raises
    ------
    InputError
        If the query is longer than SkyServer takes.
    """
    bare = re.sub(r"--.*", "", QUERY.read_text(encoding="utf-8"))
    one_line = re.sub(r"\s+", " ", bare).strip().replace(", ", ",")
    text = one_line.format(top=top, after=after, where=f"AND ({where})" if where else "")
    length = len(urlencode({"cmd": text, "format": "csv", "searchtool": "SQL"}))
    if length > LONGEST:
        raise InputError(f"--where: {where!r} makes a query of {length} characters; SkyServer takes {LONGEST}")
    return text
