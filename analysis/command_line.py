"""What the command lines of the results share: stages that are imported only when they run, since that is slow."""

import argparse
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

REAL = "real"  # the command that takes a folder of real tables


class Command(NamedTuple):
    """A command of a result: its name, the function that it calls as `module:function`, and what it does."""

    name: str
    function: str
    what: str


def call(function: str, options: argparse.Namespace) -> Any:
    """Import a function, `module:function`, and call it with the options."""
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)(options)


def add_result(groups: Any, name: str, about: str, *commands: Command) -> None:
    """Add a result and its commands to the command line; `REAL` needs the folder of real tables."""
    group = groups.add_parser(name, help=about, description=about)
    actions = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in commands:
        parser = actions.add_parser(command.name, help=command.what, description=command.what)
        parser.set_defaults(run=partial(call, command.function))
        if command.name == REAL:
            parser.add_argument(
                "--real-data", type=Path, required=True, metavar="DIR", help="the folder of real tables"
            )
