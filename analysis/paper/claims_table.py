"""The claims table: the same rows in results/claims.json, in the paper, in the terminal, and in README.md."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from analysis import paths
from analysis.errors import InputError
from analysis.paper.numbers import typeset
from analysis.paper.tables import ours, pipe_table
from analysis.rules import VERDICTS

_LOG_WIDTH = 160
FROM_THE_PAGE = "../../"  # paper/_build/index.html and index.pdf link to files of the checkout that they lie in


def claims(rows: Sequence[dict[str, str]], labels: set[str]) -> str:
    """Write the claims table of the paper: the claims of each result below its name.

    Parameters
    ----------
    rows : sequence of dict
        The scorecard.
    labels : set of str
        Labels of figures, tables and sections that the page has: a result that was not run has none to point to.
    """
    cells = []
    for number, row in enumerate(rows):
        if number == 0 or row["result"] != rows[number - 1]["result"]:
            cells.append([f"*{_where(row)}*", "", "", "", ""])
        cells.append([row["claim"], _published(row), typeset(ours(row)), row["rule"], _verdict(row, labels)])
    return pipe_table(["Claim", "Published", "Ours", "Rule", "Verdict; where it is"], cells, [28, 17, 19, 19, 17])


def _where(row: dict[str, str]) -> str:
    package = row["code"].split("/")[1].replace("_", " ")
    return f"{package}: {row['survey']}, {row['scale']} scale"


def _published(row: dict[str, str]) -> str:
    source = ", ".join(part for part in (f"@{row['source']}", row["read"]) if part)
    return typeset(row["published"]) + (f" [{source}]" if row["source"] else "")


def _verdict(row: dict[str, str], labels: set[str]) -> str:
    measured = not row["ours"].startswith(f"not run: no {row['data']}")
    names = ("data", "code") if measured else ("code",)
    files = [f"[{name}]({FROM_THE_PAGE}{row[name]})" for name in names]
    shown = [f"@{row['shown']}"] if row["shown"] in labels else []
    return f"**{row['verdict']}** ({', '.join([*shown, *files])})"


def counts(rows: Sequence[dict[str, str]]) -> Counter[str]:
    """Count the claims by verdict, most frequent first."""
    return Counter(dict(Counter(row["verdict"] for row in rows).most_common()))


def by_result(rows: Sequence[dict[str, str]]) -> str:
    """Write how many claims of each result have which verdict."""
    verdicts = list(counts(rows))
    results = dict.fromkeys(_where(row) for row in rows)
    cells = []
    for result in results:
        of_result = counts([row for row in rows if _where(row) == result])
        cells.append([result, *(str(of_result[verdict] or "–") for verdict in verdicts)])
    width = 64 // max(1, len(verdicts))
    return pipe_table(["Result", *verdicts], cells, [36, *[width] * len(verdicts)], "l" + "r" * len(verdicts))


def in_words(rows: Sequence[dict[str, str]]) -> str:
    """Write how many claims have which verdict, in one line."""
    return "; ".join(f"{verdict}: {number}" for verdict, number in counts(rows).items())


def print_rows(rows: list[dict[str, str]], console: Console) -> None:
    """Print the scorecard as a table for people, and below it how many claims have which verdict."""
    colours = {
        words: colour for pair in VERDICTS.values() for words, colour in zip(pair, ("green", "red"), strict=True)
    }
    table = Table(title="Published claims, tested", padding=(0, 1), row_styles=["", "dim"])
    for heading in ("claim", "published", "ours", "on, at scale", "verdict"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        published = "\n".join(part for part in (row["published"], row["source_words"]) if part)
        colour = colours.get(row["verdict"], "yellow")
        on = f"{row['survey']}, {row['scale']}"
        table.add_row(row["claim"], published, ours(row), on, f"[{colour}]{row['verdict']}[/]")
    console.print(table)
    console.print(f"{len(rows)} claims: {in_words(rows)}", highlight=False)
    console.print("Sources, rules, figures, data and code of each: results/claims.json and the paper", highlight=False)


def print_claims(_: argparse.Namespace) -> None:
    """Print results/claims.json."""
    console = Console()
    # into a file or a log, where there is no width to keep to, lines may be long
    print_rows(read_rows(paths.CLAIMS), console if console.is_terminal else Console(width=_LOG_WIDTH))


def readme_block(rows: Sequence[dict[str, str]]) -> str:
    """Write the block of README.md, a line for each claim, without its marks."""
    lines = ["| claim | published | ours | verdict |", "|---|---|---|---|"]
    for row in rows:
        source = ", ".join(part for part in (row["source_words"], row["read"]) if part)
        published = row["published"] + (f" ({source})" if source else "")
        own = f"[{typeset(ours(row))}]({row['data']})" if row["error"] or row["interval"] else typeset(ours(row))
        figure = paths.FIGURES.relative_to(paths.ROOT) / f"{row['shown']}.png"
        verdict = f"[{row['verdict']}]({figure})" if row["shown"].startswith("fig-") else row["verdict"]
        cells = [f"[{row['claim']}]({row['code']})", typeset(published), own, verdict]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    summary = f"<details><summary>{len(rows)} claims: {in_words(rows)}</summary>"
    return "\n".join([summary, "", *lines, "", "</details>"])


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read claims.json.

    Raises
    ------
    InputError
        If it is not there, or cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there yet; `python -m analysis scorecard` writes it")
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None
