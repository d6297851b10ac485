"""A pipeline of two stages in a checkout of its own, on a survey of a few bytes: for what can happen to any."""

import os
import subprocess
import sys
from pathlib import Path

from analysis import paths

PIPELINE = """
stages:
  first:
    cmd: python first.py
    deps: [data, first.py]
    outs: [model]
  second:
    cmd: python -c "print(open('model').read().upper(), file=open('result', 'w'))"
    deps: [model]
    outs: [result: {cache: false}]
"""
FIRST = "open('model', 'w').write(open('data/catalogue').read() + ' one')\n"


def dvc(root: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess:
    """Run DVC in a checkout; what it prints, errors too, is in `stdout`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    settings = {"PATH": path, "PYTHONPATH": str(paths.ROOT), "DVC_NO_ANALYTICS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def make(root: Path) -> Path:
    """Make the checkout, run the pipeline once, and commit all."""
    files = {"dvc.yaml": PIPELINE, "first.py": FIRST, "data/catalogue": "stars", ".gitignore": "/data\n/model\n"}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    for command in (["init", "-q"], ["add", "-q", "data"], ["repro", "-q"]):
        done = dvc(root, *command)
        assert done.returncode == 0, done.stdout
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    subprocess.run(["git", *identity, "commit", "-qm", "first"], cwd=root, check=True)
    return root
