"""Every command names a function that is there."""

import argparse
from functools import partial
from importlib import import_module

import pytest

from analysis.__main__ import build_parser, main
from analysis.bench import kept
from analysis.command_line import call


def functions(parser: argparse.ArgumentParser) -> list[str]:
    """List what the commands below a parser call, as `module:function`."""
    own = parser.get_default("run")
    found = [own.args[0]] if isinstance(own, partial) and own.func in (call, kept) else []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [name for below in action.choices.values() for name in functions(below)]
    return found


@pytest.mark.parametrize("function", functions(build_parser()))
def test_the_function_of_a_command_is_there(function: str) -> None:
    module, _, name = function.partition(":")
    assert callable(getattr(import_module(module), name))


def test_results_have_their_commands() -> None:
    names = functions(build_parser())
    assert len(names) == len(set(names)) == 59
    assert "analysis.pit_calibration.train:train_photoz_pdf" in names


def test_real_tables_need_their_folder() -> None:
    with pytest.raises(SystemExit) as stop:
        main(["pit-calibration", "real"])
    assert stop.value.code == 2
