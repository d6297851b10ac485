"""SkyServer and the Science Archive Server on loopback: the same addresses and formats, and every way to fail."""

import io
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
from rich.console import Console
from sdss_frames import COLOURS, FakeField

from analysis.survey.frame_positions import sdss_object_id
from analysis.survey.frames import FieldId
from analysis.survey.schema import BANDS
from analysis.survey.sdss.archive import Archive
from analysis.survey.sdss.download import Request, download
from analysis.survey.sdss.query import COLUMNS

QUERY_PATH = "/dr17/en/tools/search/x_results.aspx"
FIELDS = [FieldId(4510, 4, 30), FieldId(4510, 4, 31), FieldId(4510, 5, 12)]
EXTINCTION = {"u": 0.5, "g": 0.4, "r": 0.3, "i": 0.2, "z": 0.1}
HTML = b"<html><head><title>Runtime Error</title></head><body>Server Error in '/' Application.</body></html>"


@dataclass
class FakeArchive:
    """What the server knows and what it did.

    Attributes
    ----------
    rows : pandas.DataFrame
        Of text, columns as in the query.
    files : dict
        Path below /sas/ to content.
    faults : dict
        Part of an address to what is to go wrong with the next requests for it, in order.
    log : list
        (address, what was answered), in order; a request that was never answered to the end is 'hanging'.
    """

    rows: pd.DataFrame
    files: dict[str, bytes]
    faults: dict[str, list[str]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def next_fault(self, address: str) -> str:
        for part, actions in self.faults.items():
            if part in address and actions:
                return actions.pop(0)
        return ""

    def answer(self, address: str) -> tuple[str, bytes] | None:
        parts = urlsplit(address)
        if parts.path == QUERY_PATH:
            sql = parse_qs(parts.query)["cmd"][0]
            return "text/plain", self.csv(sql)
        content = self.files.get(parts.path.removeprefix("/sas/"))
        return None if content is None else ("application/x-bzip2", content)

    def csv(self, sql: str) -> bytes:
        """Answer a query as SkyServer does: TOP, the columns in their order, objID > ..., ORDER BY objID."""
        top = int(re.search(r"TOP (\d+)", sql)[1])
        after = int(re.search(r"objID > (\d+)", sql)[1])
        columns = re.search(r"TOP \d+ (.*?) FROM", sql)[1].split(",")
        names = [re.split(r" AS |\.", column.strip())[-1] for column in columns]
        rows = self.rows[self.rows["objID"].astype(int) > after]
        rows = rows.sort_values("objID", key=lambda ids: ids.astype(int)).head(top)
        lines = ["#Table1", ",".join(names), *(",".join(row) for row in rows[names].to_numpy())]
        return ("\n".join(lines) + "\n").encode()

    def answered(self) -> list[str]:
        """List the addresses that were answered well."""
        return [address for address, how in self.log if how == "200"]


class _Handler(BaseHTTPRequestHandler):
    archive: FakeArchive

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        archive = self.archive
        fault = archive.next_fault(self.path)
        entry = len(archive.log)
        archive.log.append((self.path, fault or "hanging"))
        found = archive.answer(self.path)
        if fault.isdigit() or found is None:
            archive.log[entry] = (self.path, fault or "404")
            self.send_response(int(fault or 404))
            if fault == "429":
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        kind, content = found
        if fault == "hang":
            archive.hanging.set()
            archive.released.wait(60)
            return
        if fault == "slow":
            time.sleep(1.5)
        if fault == "html":
            kind, content = "text/html", HTML
        if fault == "truncated":
            content = content[: len(content) // 2]
        length = len(content) + {"length+": 1000, "length-": -len(content) // 3}.get(fault, 0)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:  # the client has gone
            return
        self.close_connection = bool(fault)
        archive.log[entry] = (self.path, fault or "200")


@contextmanager
def serving(archive: FakeArchive) -> Iterator[FakeArchive]:
    """Serve on a free port of loopback until the block ends."""
    handler = type("Handler", (_Handler,), {"archive": archive})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    archive.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield archive
    finally:
        archive.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the files of a mirror by their path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("frame-*") if path.is_file()}


def query_rows(fake: FakeField) -> pd.DataFrame:
    """Return a row of text for each object of a field, with all columns of the query."""
    number = len(fake.objects)
    magnitude = 22.5 - 2.5 * np.log10(fake.objects["flux"].to_numpy())
    rows: dict[str, object] = {}
    for ours, theirs in COLUMNS.items():
        prefix, _, band = ours.rpartition("_")
        if "Err" in ours or ours.endswith("_err"):
            rows[theirs] = 0.02
        elif prefix == "extinction":
            rows[theirs] = EXTINCTION[band]
        elif prefix in ("dered", "psfMag", "fiberMag", "cModelMag", "petroMag"):
            rows[theirs] = (magnitude - 2.5 * np.log10(COLOURS[band])).round(5)
        elif band in BANDS:  # radii, axis ratios and the like
            rows[theirs] = 0.5
    rows["objID"] = sdss_object_id(fake.name, np.arange(1, number + 1))
    rows["ra"], rows["dec"] = fake.objects["ra"].to_numpy(), fake.objects["dec"].to_numpy()
    rows["class"] = fake.objects["class"].to_numpy(object, copy=True)
    rows["class"][0] = "QSO"
    rows["z"], rows["zWarning"] = np.where(rows["class"] == "STAR", 0.0001, 0.1), 0
    rows["photoz"] = np.where(rows["class"] == "GALAXY", "0.11", "null")
    rows["photozErr"] = np.where(rows["class"] == "GALAXY", "0.03", "null")
    return pd.DataFrame(rows | fake.name._asdict(), index=range(number)).astype(str)


def fetch(server: FakeArchive, out: Path, **wanted: object) -> str:
    """Download with little patience; return what was printed."""
    console = Console(file=io.StringIO(), width=500)
    archive = Archive(server.url, f"{server.url}/sas", pause=0, backoff=0.01, retries=2, timeout=2)
    download(Request(**({"limit": 1000, "out": out, "page": 10} | wanted)), archive, console)
    return console.file.getvalue()
