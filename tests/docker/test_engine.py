"""A build finds packages where this machine's pip finds them."""

import configparser
from pathlib import Path

import pytest

from engine import PIP_FOLDER, CheckError, install_tools, pip_mounts, pip_settings


def test_settings_of_pip_are_read_from_the_environment(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} /elsewhere")
    monkeypatch.setenv("PIP_NO_COLOR", "1")
    settings = pip_settings()
    assert settings["index-url"] == "https://example.org/simple"
    assert settings["find-links"].split() == [str(tmp_path), "/elsewhere"]
    assert "no-color" not in settings


def test_local_folders_and_the_certificate_go_into_the_build(tmp_path: Path) -> None:
    wheels, index, folder = tmp_path / "wheels", tmp_path / "index" / "simple", tmp_path / "settings"
    for path in (wheels, index, folder):
        path.mkdir(parents=True)
    (tmp_path / "ca.crt").write_text("a certificate")
    settings = {
        "find-links": f"{wheels} https://example.org/wheels {tmp_path}/missing",
        "extra-index-url": f"{index.as_uri()}\nhttps://example.org/simple",
        "cert": str(tmp_path / "ca.crt"),
    }
    mounts = pip_mounts(settings, folder)
    assert mounts == {folder: PIP_FOLDER, wheels: wheels, index.parent: index.parent}
    written = configparser.ConfigParser()
    written.read(folder / "pip.conf")
    assert written["global"]["find-links"].split()[0] == str(wheels)
    assert written["global"]["extra-index-url"].split()[1] == "https://example.org/simple"
    assert written["global"]["cert"] == f"{PIP_FOLDER}/certificates.pem"
    assert (folder / "certificates.pem").read_text() == "a certificate"


def test_without_settings_there_is_nothing_but_an_empty_file(tmp_path: Path) -> None:
    assert pip_mounts({}, tmp_path) == {tmp_path: PIP_FOLDER}
    assert (tmp_path / "pip.conf").read_text() == "[global]\n"


def test_tools_that_cannot_be_installed_are_a_failure_not_a_skip(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.getuid", lambda: 0)
    with pytest.raises(CheckError, match="podman, runc, debootstrap not installed, and no apt-get"):
        install_tools()
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho no such server; exit 100\n")
    apt.chmod(0o755)
    with pytest.raises(CheckError, match="podman, runc, debootstrap cannot be installed:\nno such server"):
        install_tools()
    monkeypatch.setattr("os.getuid", lambda: 1000)
    with pytest.raises(CheckError, match="as root"):
        install_tools()
