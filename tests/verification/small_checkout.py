"""A small checkout with a pipeline whose results are committed: trained, measured, drawn."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from analysis.reproduce import environment_of
from analysis.verification.lock import md5

PIPELINE = """
stages:
  train:
    cmd: python train.py
    deps: [data, train.py]
    params: [train]
    outs: [models/fit]
  measure:
    cmd: python measure.py
    deps: [models/fit, measure.py]
    metrics: [results/one/metrics.json: {cache: false}]
    outs: [results/one/table.csv: {cache: false}]
  plot:
    cmd: python plot.py
    deps: [results/one, plot.py]
    outs: [paper/figures/fig-one.png: {cache: false}, paper/vector/fig-one.svg: {cache: false}]
  score:
    cmd: python score.py
    deps: [results/one/metrics.json, score.py]
    outs: [results/claims.json: {cache: false}, paper/tables: {cache: false}]
"""
TRAIN = """
from pathlib import Path
Path("models/fit").mkdir(parents=True)
Path("models/fit/weights").write_text(Path("data/catalogue").read_text() + Path("params.yaml").read_text())
"""
MEASURE = """
import json, time
from pathlib import Path
size = len(Path("models/fit/weights").read_text())
metrics = {"sigma": size / 1000, "sigma_err": 0.001, "n": size, "cpu_seconds": time.process_time()}
Path("results/one").mkdir(parents=True, exist_ok=True)
Path("results/one/metrics.json").write_text(json.dumps(metrics))
Path("results/one/table.csv").write_text("a,b\\n1,2\\n")
"""
PLOT = """
import hashlib, json, subprocess
from pathlib import Path
from PIL import Image, PngImagePlugin
files = [*sorted(Path("results/one").iterdir()), Path("plot.py")]
said = PngImagePlugin.PngInfo()
sums = {file.as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
log = ["git", "log", "-1", "--abbrev=12", "--format=%h", "--", "plot.py"]
commit = subprocess.run(log, capture_output=True, text=True).stdout.strip()
record = json.dumps({"stage": "plot", "commit": commit, "inputs": sums})
said.add_text("Provenance", record)
size = json.loads(Path("results/one/metrics.json").read_text())["n"]
Path("paper/figures").mkdir(parents=True, exist_ok=True)
Image.new("RGB", (40, 30), (size % 256, 0, 0)).save("paper/figures/fig-one.png", pnginfo=said)
Path("paper/vector").mkdir(parents=True, exist_ok=True)
Path("paper/vector/fig-one.svg").write_text(
    '<svg xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:description>' + record + "</dc:description>"
    f'</metadata><path id="p0123456789" d="M {size}.5 1.5"/></svg>'
)
"""
SCORE = """
import json
from pathlib import Path
sigma = json.loads(Path("results/one/metrics.json").read_text())["sigma"]
row = {"id": "a", "rule": "small", "ours": str(sigma), "verdict": "holds" if sigma < 1 else "does not hold"}
Path("results/claims.json").write_text(json.dumps([row]))
Path("paper/tables").mkdir(parents=True, exist_ok=True)
Path("paper/tables/one.md").write_text(f"<!-- provenance {{}} -->\\n| sigma | {sigma} |\\n")
"""
FILES = {
    "dvc.yaml": PIPELINE,
    "params.yaml": "train: {depth: 3}\n",
    "scales/smoke.yaml": "train: {depth: 1000}\n",
    "analysis/survey/default_survey.yml": "outs: [{md5: another}]\n",  # so data/ is a survey of the user's
    "train.py": TRAIN,
    "measure.py": MEASURE,
    "plot.py": PLOT,
    "score.py": SCORE,
    "data/catalogue": "a survey\n",
    ".gitignore": "/data\n/models\n/.scales/\n",
}
METRICS, FIGURE, DRAWING = "results/one/metrics.json", "paper/figures/fig-one.png", "paper/vector/fig-one.svg"
TABLE, CLAIMS, PRINTED = "results/one/table.csv", "results/claims.json", "paper/tables/one.md"


def run(root: Path, *command: str) -> None:
    subprocess.run(command, cwd=root, env=environment_of(root), check=True, capture_output=True)


def commit(root: Path) -> None:
    """Commit everything."""
    run(root, "git", "add", ".")
    run(root, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-qm", "all")


def lock_of(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "dvc.lock").read_text())


def write_lock(root: Path, lock: dict[str, Any]) -> None:
    (root / "dvc.lock").write_text(yaml.safe_dump(lock))


def edit_metric(root: Path, name: str, value: Any) -> None:
    """Write another value of a metric into the committed file."""
    metrics = json.loads((root / METRICS).read_text())
    (root / METRICS).write_text(json.dumps(metrics | {name: value}))


def forge_lock(root: Path) -> None:
    """Let the lock say what the files are, as if the stages had made them."""
    lock = lock_of(root)
    for stage in lock["stages"].values():
        for entry in [*stage["deps"], *stage["outs"]]:
            entry["md5"] = md5(root, entry["path"])
    write_lock(root, lock)
