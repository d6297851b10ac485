"""Settings: one block of params.yaml per pipeline stage, checked before the stage sees it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from analysis import paths
from analysis.blocks import check_block
from analysis.errors import InputError, nearest


def load(block: str) -> dict[str, Any]:
    """Return the settings of one stage.

    Parameters
    ----------
    block : str
        The stage's name, a top-level key of params.yaml.

    Raises
    ------
    InputError
        If params.yaml cannot be read, has no such block, or has one with a setting that is unknown, missing, of a
        wrong type or impossible.
    """
    blocks = read_yaml(paths.PARAMS)
    if block not in blocks:
        raise InputError(f"{paths.PARAMS}: no block {block!r}; expected one per stage", "missing-setting")
    check_block(block, blocks[block], str(paths.PARAMS))
    return blocks[block]


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that comes twice is an error; PyYAML takes the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key comes twice", node.start_mark)
        return mapping


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping, or raise InputError; tags that would run code are refused."""
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), _UniqueKeys)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a page of YAML", "no-such-file") from None
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        kind = "code-in-data" if "tag:yaml.org,2002:python/" in str(error) else "damaged-file"
        raise InputError(f"{path}: cannot be read as YAML ({error})", kind) from None
    if content is None:
        raise InputError(f"{path}: empty; expected `key: value` lines", "empty-file")
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {content!r}; expected `key: value` lines", "setting-type")
    return content


def merge(base: dict[str, Any], overrides: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return settings with some replaced, nested blocks included: how a scale differs from params.yaml.

    Raises
    ------
    InputError
        If an override names a setting that does not exist: a misspelt one would silently do nothing.
    """
    for name in overrides:
        if name not in base:
            raise InputError(f"{source}: unknown setting {name!r}{nearest(str(name), base)}", "unknown-setting")
    nested = {
        name: merge(base[name], value, f"{source}: {name}")
        for name, value in overrides.items()
        if isinstance(base[name], dict) and isinstance(value, dict)
    }
    return {**base, **overrides, **nested}
