"""The pipeline as dvc.yaml declares it: which stage makes a file, from which others, by which command."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from analysis.errors import InputError

PIPELINE = "dvc.yaml"
_OUTPUTS = ("outs", "metrics", "plots")


@dataclass(frozen=True)
class Stage:
    """A stage: files by their paths in the repository, folders as such; params are blocks of params.yaml.

    `committed` are those of its outputs that git holds, and not the cache of DVC.
    """

    name: str
    description: str
    command: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...]
    committed: tuple[str, ...]


Pipeline = dict[str, Stage]


def read_pipeline(root: Path) -> Pipeline:
    """Read dvc.yaml: stages by name, in the order of the file.

    Raises
    ------
    InputError
        If there is none, or it is not readable.
    """
    path = root / PIPELINE
    try:
        stages = yaml.safe_load(path.read_text())["stages"]
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise InputError(f"{path}: not readable as a pipeline ({error!r}); expected `stages` as DVC has them") from None
    return {name: _stage(name, declared) for name, declared in stages.items()}


def _stage(name: str, declared: dict[str, Any]) -> Stage:
    by_kind = {kind: tuple(_names(declared.get(kind, []))) for kind in ("deps", "params", *_OUTPUTS)}
    return Stage(
        name,
        declared.get("desc", ""),
        " ".join(declared["cmd"].split()),
        by_kind["deps"],
        by_kind["params"],
        tuple(path for kind in _OUTPUTS for path in by_kind[kind]),
        by_kind["metrics"],
        tuple(_in_git(out for kind in _OUTPUTS for out in declared.get(kind, []))),
    )


def _names(declared: list[Any]) -> Iterator[str]:
    """Yield paths or blocks, of which those with settings of their own are mappings from it to those."""
    for one in declared:
        yield next(iter(one)) if isinstance(one, dict) else one


def _in_git(outs: Iterable[Any]) -> Iterator[str]:
    """Yield the outputs that DVC does not cache."""
    for out in outs:
        if isinstance(out, dict):
            [(path, how)] = out.items()
            if not how.get("cache", True):
                yield path


def is_of(path: str, whole: str) -> bool:
    """Return whether a path is another, or lies below it."""
    return PurePosixPath(path).is_relative_to(whole)


def maker(pipeline: Pipeline, path: str) -> Stage | None:
    """Return the stage that makes a file, itself or in a folder."""
    return next((stage for stage in pipeline.values() if any(is_of(path, out) for out in stage.outs)), None)


def makers(pipeline: Pipeline, dep: str) -> list[Stage]:
    """List the stages that make a dep, or some of what lies in it."""
    return [stage for stage in pipeline.values() if any(is_of(dep, out) or is_of(out, dep) for out in stage.outs)]


def chain(pipeline: Pipeline, last: Stage) -> list[Stage]:
    """List a stage and all that it needs, those that others need first."""
    ordered: dict[str, Stage] = {}

    def visit(stage: Stage) -> None:
        for dep in stage.deps:
            for one in makers(pipeline, dep):
                if one.name not in ordered:
                    visit(one)
        ordered[stage.name] = stage

    visit(last)
    return list(ordered.values())


def in_order(pipeline: Pipeline) -> list[Stage]:
    """List all stages, those that others need first."""
    ordered: dict[str, Stage] = {}
    for stage in pipeline.values():
        ordered |= {one.name: one for one in chain(pipeline, stage) if one.name not in ordered}
    return list(ordered.values())


def files_of(root: Path, path: str) -> list[str]:
    """List the files that a path stands for: itself, or those of a folder that DVC does not ignore."""
    whole = root / path
    if whole.is_file():
        return [path]
    found = (file for file in whole.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return sorted(file.relative_to(root).as_posix() for file in found if file.suffix != ".incomplete")
