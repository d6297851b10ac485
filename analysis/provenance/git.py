"""Questions to git, which may have no answer: a compendium can be unpacked from an archive. And clones."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

ABBREVIATED = 12  # hexadecimal digits of a commit
UNKNOWN = "unknown (not a git checkout)"
CHANGED = " + uncommitted changes"


def git(root: Path, *arguments: str) -> str | None:
    """Return what git says in a folder; None where it is no checkout, or where there is no git."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def clone(root: Path, to: Path) -> None:
    """Clone a checkout, objects copied rather than linked: what happens to the clone's cannot reach the checkout's."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(root), str(to)], check=True)


def last_commit(root: Path, files: Iterable[str]) -> str:
    """Return the last commit that changed any of some files, and whether they have been changed since.

    Unlike the commit that the checkout is at, it stays as it is while others of its files change.
    """
    files = list(files)
    found = git(root, "log", "-1", f"--abbrev={ABBREVIATED}", "--format=%h", "--", *files) if files else None
    if found is None:
        return UNKNOWN
    changed = git(root, "status", "--porcelain", "--", *files)
    return (found or "not committed") + (CHANGED if changed else "")
