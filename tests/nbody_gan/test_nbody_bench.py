"""`bench nbody` says what it measured, and judges it."""

import json
import sys
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.nbody_gan import bench

PEER = """
import sys
for line in sys.stdin:
    print({seconds}, flush=True)
"""


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "LEAST_RATIO", {8: 2.0})
    monkeypatch.setattr(bench, "WHOLE_RUN", 8)
    monkeypatch.setattr(bench, "bandwidth", lambda _: 1e10)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(("seconds", "code"), [(100.0, 0), (1e-9, 1)])
def test_exit_code_says_whether_the_ratio_is_reached(
    seconds: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "peer.py").write_text(PEER.format(seconds=seconds))
    monkeypatch.setattr(bench, "_PEER", tmp_path / "peer.py")
    assert main(["bench", "nbody", "--peers", sys.executable, "--rounds", "2", "--threads", "1"]) == code
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["reached"] is (code == 0)
    assert result["force_8"]["ratio"] == pytest.approx(seconds / result["force_8"]["seconds"])
    assert result["force_8"]["fraction_of_memory_floor"] > 0


@pytest.mark.usefixtures("_small")
def test_without_jaxpm_ours_are_timed_alone(capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", "nbody", "--rounds", "1", "--threads", "1"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["reached"] is True
    assert "ratio" not in result["force_8"]


@pytest.mark.usefixtures("_small")
def test_a_python_that_is_none_or_lacks_jaxpm_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert main(["bench", "nbody", "--peers", str(tmp_path / "python"), "--rounds", "1"]) == 2
    (tmp_path / "peer.py").write_text("import no_such_module")
    monkeypatch.setattr(bench, "_PEER", tmp_path / "peer.py")
    assert main(["bench", "nbody", "--peers", sys.executable, "--rounds", "1"]) == 2
    assert "expected a Python with jaxpm" in capsys.readouterr().err
