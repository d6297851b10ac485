"""What has been fetched so far: a folder beside the survey to be, which outlives a crash."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from analysis.errors import InputError
from analysis.files import replacing, write_json
from analysis.survey.catalogue import sha256

_SETTINGS, _LEDGER = "settings.json", "ledger.jsonl"


class Work:
    """A folder of fetched and made files, with a ledger of their checksums.

    A file counts as there once its line is in the ledger and its checksum still agrees; so a process may be killed at
    any moment, and the next one does again only what was under way.

    Parameters
    ----------
    folder : pathlib.Path
    settings : dict
        What decides the content; a folder made with others is not continued.
    resume : bool
        Continue what is there; else there must be nothing.

    Raises
    ------
    InputError
        If the folder is there and shall not be, or belongs to other settings.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], resume: bool) -> None:
        self.folder = folder
        if folder.exists() and not resume:
            raise InputError(f"{folder}: an earlier download, not finished; --resume continues it (or remove it)")
        if folder.exists():
            self._check_settings(settings)
        else:
            folder.mkdir(parents=True)
            write_json(folder / _SETTINGS, settings)
        self.ledger = self._read_ledger()

    def _check_settings(self, settings: dict[str, Any]) -> None:
        path = self.folder / _SETTINGS
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:  # killed before anything was fetched
            before = settings
            write_json(path, settings)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read ({error}); remove {self.folder} to begin anew") from None
        for name in settings:
            if before.get(name) != settings[name]:
                raise InputError(
                    f"{self.folder}: was begun with {name} {before.get(name)!r}, not {settings[name]!r}; "
                    "expected the same settings (or remove it to begin anew)"
                )

    def _read_ledger(self) -> dict[str, dict[str, Any]]:
        path = self.folder / _LEDGER
        ledger = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                record = json.loads(line)
            except ValueError:  # the last line, cut short when the process was killed: as if it were not there
                continue
            ledger[record.pop("name")] = record
        if path.exists() and not path.read_bytes().endswith(b"\n"):
            with open(path, "a", encoding="utf-8") as file:
                file.write("\n")
        return ledger

    def has(self, name: str) -> bool:
        """Tell whether a file is there as it was written."""
        path = self.folder / name
        return name in self.ledger and path.is_file() and sha256(path) == self.ledger[name]["sha256"]

    def read(self, name: str) -> bytes:
        """Return the content of a file that is there."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a file, all of it or nothing, and enter it into the ledger."""
        path = self.folder / name
        with replacing(path) as partial:
            partial.write_bytes(content)
        record = {"bytes": len(content), "sha256": sha256(path)}
        with open(self.folder / _LEDGER, "a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, **record}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.ledger[name] = record

    def drop(self, name: str) -> None:
        """Remove a file; the ledger still tells of it."""
        (self.folder / name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder: all is done."""
        shutil.rmtree(self.folder)
