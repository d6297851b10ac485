"""The paper: numbers and tables made from results (`pages`), HTML and PDF made from those (`render`)."""

from analysis.paper.render import add_commands

__all__ = ["add_commands"]
