"""SkyServer and the Science Archive Server on loopback: the same addresses and formats, and every way to fail."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pandas as pd

QUERY_PATH = "/dr17/en/tools/search/x_results.aspx"
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
