"""What can be said of the Dockerfile and the compose files without building or starting anything."""

import os
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from analysis import paths
from list_packages import packages

DOCKERFILE = (paths.ROOT / "Dockerfile").read_text()
LINES = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
BIN = Path(sys.executable).parent
COMPOSE = {name: paths.ROOT / "docker" / name for name in ("compose.yaml", "compose.gpu.yaml")}


def instructions(name: str) -> list[str]:
    """Return what follows each instruction of a name."""
    return [line.split(None, 1)[1] for line in LINES if line.split()[0] == name]


def test_it_has_no_lint() -> None:
    done = subprocess.run([BIN / "hadolint", "Dockerfile"], cwd=paths.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_buildkit_is_not_required() -> None:
    assert not re.search(r"^#\s*syntax\s*=", DOCKERFILE, re.MULTILINE)
    assert "<<" not in DOCKERFILE
    assert not re.search(r"--(mount|link|chmod|parents|security|network)\b", DOCKERFILE)


def test_targets_and_base() -> None:
    assert [line.split(" AS ") for line in instructions("FROM")] == [
        ["${BASE_IMAGE}", "runtime"],
        ["runtime", "test"],
        ["runtime", "paper"],
    ]
    base = next(line for line in instructions("ARG") if line.startswith("BASE_IMAGE="))
    assert re.fullmatch(r"BASE_IMAGE=nvidia/cuda:\d+\.\d+\.\d+-runtime-ubuntu\d\d\.\d\d", base)
    assert "latest" not in DOCKERFILE
    assert "HEALTHCHECK" not in DOCKERFILE


def test_the_base_is_of_the_cuda_that_the_pinned_torch_is_built_for() -> None:
    """Torch 2.13.0 requires cuda-toolkit 13.0; a torch pinned anew has to be looked up again."""
    assert "torch==2.13.0" in (paths.ROOT / "requirements.txt").read_text().splitlines()
    assert "nvidia/cuda:13.0." in DOCKERFILE


def test_every_target_ends_with_a_numeric_user() -> None:
    stages = re.split(r"^FROM .*$", DOCKERFILE, flags=re.MULTILINE)[1:]
    for stage in stages:
        assert re.findall(r"^USER (.*)$", stage, re.MULTILINE)[-1] == "1000:1000"


def _names(requirements: list[str]) -> set[str]:
    return {re.split("[=<>]", line)[0].lower().replace("_", "-") for line in requirements}


def test_packages_come_before_the_code_at_pinned_versions() -> None:
    installs = [line for line in LINES if line.startswith("RUN") and "pip install" in line]
    assert all("--constraint requirements.txt" in line for line in installs)
    assert LINES.index(installs[0]) < LINES.index("COPY . .")
    wanted = packages(paths.ROOT / "pyproject.toml", ["survey", "scale", "dev"])
    assert _names(wanted) <= _names((paths.ROOT / "requirements.txt").read_text().splitlines())


def test_packages_of_an_image_are_those_of_its_extras(tmp_path: Path) -> None:
    pyproject = tmp_path / "pyproject.toml"
    extras = '[project.optional-dependencies]\nbig = ["c", "a"]\ndev = ["d"]\n'
    pyproject.write_text('[project]\nname = "x"\ndependencies = ["b", "a"]\n' + extras)
    assert packages(pyproject, []) == ["a", "b"]
    assert packages(pyproject, ["big"]) == ["a", "b", "c"]


def test_all_that_is_written_goes_to_the_volume() -> None:
    assert instructions("VOLUME") == ["/cache"]
    places = dict(re.findall(r"(\w+)=(/cache/\S*)", " ".join(instructions("ENV"))))
    wanted = {"HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "TORCH_HOME", "NUMBA_CACHE_DIR"}
    assert wanted | {"DVC_SITE_CACHE_DIR"} <= set(places)
    readme = (paths.ROOT / "README.md").read_text()
    assert "/cache" in readme


def test_nothing_unverified_is_downloaded() -> None:
    assert not re.search(r"[0-9a-f]{40}", DOCKERFILE), "a checksum written down here would have to be verified"
    for line in (line for line in instructions("RUN") if "curl" in line):
        assert "sha256sum --check --strict" in line


def test_labels_say_source_revision_version_and_licence() -> None:
    [labels] = instructions("LABEL")
    licence = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]["license"]
    assert f'org.opencontainers.image.licenses="{licence}"' in labels
    for name in ("source", "revision", "version"):
        assert f'org.opencontainers.image.{name}="${{{name.upper()}}}"' in labels


def test_in_an_environment_that_is_there_make_installs_nothing() -> None:
    def planned(*variables: str) -> str:
        command = ["make", "--dry-run", "reproduce", *variables]
        ours = ("VENV", "SCALE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of the `make test` that may run this
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        return subprocess.run(
            command, cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert planned("VENV=/opt/venv", "SCALE=full") == "/opt/venv/bin/python -m analysis reproduce --scale full\n"
    assert ".venv/bin/python -m analysis reproduce --scale laptop" in planned()
    assert "VENV=/opt/venv" in DOCKERFILE


def test_data_and_history_stay_outside_the_image() -> None:
    rules = [line for line in (paths.ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    for path in (".git", ".dvc", "data", "models", "features", ".venv", "paper/_build"):
        assert any(fnmatch(path, rule) for rule in rules), path
    for path in ("analysis", "docker", "params.yaml", "dvc.yaml", "requirements.txt", "tests", "paper/index.qmd"):
        assert not any(fnmatch(path, rule) for rule in rules), path


@pytest.mark.parametrize("path", COMPOSE.values(), ids=COMPOSE)
def test_compose_files_follow_the_compose_specification(path: Path) -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_compose_has_a_pipeline_and_a_dask_cluster_and_gpus_only_in_the_override() -> None:
    services = yaml.safe_load(COMPOSE["compose.yaml"].read_text())["services"]
    assert set(services) == {"pipeline", "scheduler", "worker"}
    assert "nvidia" not in COMPOSE["compose.yaml"].read_text()
    for service in services.values():
        assert service["build"]["target"] == "runtime"
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert "..:/compendium" in service["volumes"]
    over = yaml.safe_load(COMPOSE["compose.gpu.yaml"].read_text())["services"]
    assert set(over) == {"pipeline", "worker"}
    for service in over.values():
        [device] = service["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}


def test_commands_of_compose_are_programs_of_the_packages() -> None:
    services = yaml.safe_load(COMPOSE["compose.yaml"].read_text())["services"]
    assert services["pipeline"]["command"] == ["make", "reproduce"]
    for service in ("scheduler", "worker"):
        command = [BIN / services[service]["command"][0], services[service]["command"][1], "--help"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        options = [word for word in services[service]["command"] if word.startswith("--")]
        assert all(option in said for option in options)
