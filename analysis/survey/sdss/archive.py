"""SDSS's archive over HTTP: SkyServer answers queries, the Science Archive Server gives files.

astroquery poses the queries and knows the addresses; patience and distrust are ours, for it neither tries again nor
checks what came, and its own way to frames (`get_images`) hides the state of the answer and the wait that it asks for.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from astroquery.sdss import SDSS, conf

from analysis.errors import InputError
from analysis.survey.frames import FieldId, check_packed_frame

SKYSERVER, SAS = "https://skyserver.sdss.org", "https://data.sdss.org/sas"
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP states that may be better next time
_LONGEST_WAIT = 600.0  # seconds


class FetchError(InputError):
    """Something that the archive could not give, after all attempts.

    Attributes
    ----------
    absent : bool
        Whether the archive answered that there is no such thing; else it may be there later.
    """

    def __init__(self, message: str, absent: bool) -> None:
        super().__init__(message)
        self.absent = absent


@dataclass
class Archive:
    """The two servers, and how to ask them.

    Attributes
    ----------
    skyserver, sas : str
        Base URLs.
    release : int
        Data release, 13 or later (frames of older ones lie elsewhere).
    timeout : float
        Seconds without an answer after which to give up one attempt.
    retries : int
        Attempts after the first.
    pause : float
        Seconds from one request to the next: SkyServer allows sixty queries a minute.
    backoff : float
        Seconds before the second attempt; doubles with each, half of it at random. What the server asks for with
        Retry-After counts where it is longer.
    """

    skyserver: str = SKYSERVER
    sas: str = SAS
    release: int = 17
    timeout: float = 120.0
    retries: int = 5
    pause: float = 1.0
    backoff: float = 2.0
    _session: requests.Session = field(default_factory=requests.Session, repr=False)
    _last: float = field(default=-float("inf"), repr=False)

    def query(self, sql: str, check: Callable[[bytes], object]) -> bytes:
        """Pose a query; return SkyServer's CSV.

        Parameters
        ----------
        sql : str
            At most what fits into an URL (`query.page_query` sees to it).
        check : callable
            Raises ValueError for an answer that is not what was asked for: it is asked for again.

        Raises
        ------
        FetchError
            If there is no good answer after all attempts.
        """

        def ask() -> requests.Response:
            with conf.set_temp("skyserver_baseurl", self.skyserver.rstrip("/")):
                return SDSS.query_sql_async(sql, timeout=self.timeout, data_release=self.release, cache=False)

        return self._patiently(ask, check, f"{self.skyserver}: query")

    def frame_path(self, name: FieldId, band: str) -> str:
        """Return where a frame lies below the archive's base URL, as astroquery has it."""
        instrument = "eboss" if self.release <= 17 else "prior-surveys/sdss4-dr17-eboss"
        return SDSS.IMAGING_URL_SUFFIX.format(
            base="", dr=self.release, instrument=instrument, band=band, **name._asdict()
        ).lstrip("/")

    def frame(self, name: FieldId, band: str) -> bytes:
        """Get a frame, packed; it is whole. Raises FetchError."""
        url = f"{self.sas.rstrip('/')}/{self.frame_path(name, band)}"
        return self._patiently(lambda: self._session.get(url, timeout=self.timeout), check_packed_frame, url)

    def _patiently(self, ask: Callable[[], requests.Response], check: Callable[[bytes], object], what: str) -> bytes:
        """Ask until the answer is good; wait longer each time."""
        trouble = ""
        for attempt in range(self.retries + 1):
            self._keep_pace()
            asked_to_wait = 0.0
            try:
                answer = ask()
                if answer.status_code == 200:
                    _check_length(answer)
                    check(answer.content)
                    return answer.content
                trouble = f"HTTP {answer.status_code} {answer.reason}"
                if answer.status_code not in _PASSING:
                    raise FetchError(f"{what}: {trouble}", absent=answer.status_code in (404, 410))
                asked_to_wait = _retry_after(answer)
            except OSError as error:  # all of requests' errors are
                if isinstance(error, ValueError):  # such as one for what is no URL: it will not become one
                    raise FetchError(f"{what}: {error}", absent=False) from None
                # the cause, without the whole query that urllib3 puts before it
                cause = getattr(error.args[0] if error.args else None, "reason", error)
                trouble = f"{type(error).__name__}: {cause}"
            except ValueError as error:
                if isinstance(error, FetchError):
                    raise
                trouble = str(error)
            if attempt < self.retries:
                wait = self.backoff * 2**attempt * random.uniform(0.5, 1.0)
                time.sleep(min(max(wait, asked_to_wait), _LONGEST_WAIT))
        raise FetchError(f"{what}: {trouble} ({self.retries + 1} attempts)", absent=False)

    def _keep_pace(self) -> None:
        time.sleep(max(self._last + self.pause - time.monotonic(), 0))
        self._last = time.monotonic()


def _check_length(answer: requests.Response) -> None:
    """Raise ValueError if a body is not as long as its header says (it may be, where it came compressed)."""
    said = answer.headers.get("Content-Length")
    if said and "Content-Encoding" not in answer.headers and len(answer.content) != int(said):
        raise ValueError(f"{len(answer.content)} bytes came; the server said {said}")


def _retry_after(answer: requests.Response) -> float:
    """Return the seconds that a server asks to wait, 0 if it does not say."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    try:
        return max((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds(), 0)
    except (TypeError, ValueError):
        return 0.0
