"""The entry point runs commands as they are, and stops them in order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import entrypoint
from analysis import paths
from entrypoint import look_at_clone, make_caches

ENTRYPOINT = [sys.executable, str(paths.ROOT / "docker" / "entrypoint.py")]


def enter(*command: str, **options) -> subprocess.CompletedProcess:
    """Run the entry point to its end."""
    return subprocess.run([*ENTRYPOINT, *command], capture_output=True, text=True, **options)


def test_without_a_command_it_says_what_can_be_run() -> None:
    done = enter()
    assert done.returncode == 0
    for command in ("docker run", "dvc repro", "make reproduce", "python -m analysis check", "SCALE=full", "/cache"):
        assert command in done.stdout


def test_a_command_has_its_arguments_output_and_exit_code() -> None:
    done = enter("sh", "-c", 'echo "$0" and "$1"; exit 3', "one  two", "*")
    assert done.stdout == "one  two and *\n"
    assert done.returncode == 3


def test_a_command_that_a_signal_ends_has_the_exit_code_that_a_shell_gives() -> None:
    assert enter("sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


def test_bad_commands_have_the_exit_codes_that_a_shell_gives(tmp_path: Path) -> None:
    missing = enter("no-such-command")
    assert missing.returncode == 127
    assert "no-such-command: No such file" in missing.stderr
    (tmp_path / "plain").write_text("not a program")
    assert enter(str(tmp_path / "plain")).returncode == 126


def test_a_clone_that_cannot_be_written_to_is_pointed_out(monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    look_at_clone(tmp_path)  # the code in the image is no clone
    assert capsys.readouterr().err == ""
    (tmp_path / ".git").mkdir()
    look_at_clone(tmp_path)
    owner = tmp_path.stat()
    assert f"expected --user {owner.st_uid}:{owner.st_gid}" in capsys.readouterr().err


def test_it_does_not_wait_for_what_a_command_leaves_behind() -> None:
    started = time.monotonic()
    assert enter("sh", "-c", "sleep 30 >/dev/null 2>&1 & exit 4").returncode == 4
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_stop_reaches_the_command(tmp_path: Path, number: signal.Signals) -> None:
    """The command takes its time to end well, and its exit code is the container's."""
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), print('kept'), sys.exit(5)))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(0.05)"
    )
    process = subprocess.Popen(
        [*ENTRYPOINT, sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    said, _ = process.communicate(timeout=10)
    assert said == "kept\n"
    assert process.returncode == 5


def test_dvc_outlives_its_stage_and_ends_by_itself(tmp_path: Path) -> None:
    """A stand-in for DVC, which SIGTERM would end with its locks in place, waits for a stage that ends on SIGTERM."""
    dvc = tmp_path / "dvc"
    dvc.write_text(
        f"#!{sys.executable}\n"
        "import subprocess\n"
        "stage = subprocess.Popen(['sleep', '30'])\n"
        "print('stage runs', flush=True)\n"
        "print('stage ended with', stage.wait(), '- locks released', flush=True)\n"
        "import time; time.sleep(1.5)\n"
        "raise SystemExit(255)\n"
    )
    dvc.chmod(0o755)
    outer = ["sh", "-c", f"{dvc} repro; code=$?; echo outer has $code; exit $code"]  # as make and reproduce are
    process = subprocess.Popen([*ENTRYPOINT, *outer], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "stage runs\n"
    process.terminate()
    said, _ = process.communicate(timeout=10)
    assert said == f"stage ended with {-signal.SIGTERM} - locks released\nouter has 255\n"
    assert process.returncode == 255


def test_folders_of_the_cache_are_made(monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setattr(entrypoint, "CACHE", f"{tmp_path}/")
    monkeypatch.setenv("MPLCONFIGDIR", f"{tmp_path}/matplotlib")
    monkeypatch.setenv("TMPDIR", f"{tmp_path}/a/b")
    make_caches()
    assert (tmp_path / "matplotlib").is_dir()
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TMPDIR", f"{tmp_path}/file/b")
    make_caches()
    assert "mount a folder at /cache" in capsys.readouterr().err
