"""What a training says while it runs: rate and time left, on a terminal and without one."""

import sys

import pytest

from analysis.loop import progress


def seen(capsys: pytest.CaptureFixture[str]) -> str:
    """Say what is shown after 300 of 1,000 objects, 100 of them from before, at 50 a second."""
    with progress.progress_bar("networks", total=1000, done=100) as advance:
        for _ in range(4):
            advance(50, "epoch 3: validation loss 0.25")
    return capsys.readouterr().err


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each look at the clock be a second later, and no line be too soon."""
    times = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(times)))
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 4.0)


def test_without_a_terminal_there_is_a_line_now_and_then(clock: None, capsys: pytest.CaptureFixture[str]) -> None:
    left = 700 / 50 / 60
    expected = f"networks: 30%, 50 objects/s, {left:,.0f} minutes left; epoch 3: validation loss 0.25\n"
    assert seen(capsys) == expected


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = seen(capsys)
    assert "networks" in shown and "objects/s" in shown and "validation loss 0.25" in shown


def test_no_description_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_bar(None, 10, 0) as advance:
        advance(10, "done")
    assert capsys.readouterr().err == ""
