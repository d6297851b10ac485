"""The report of a verification, for people (Markdown) and for programs (JSON)."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from analysis.files import replacing
from analysis.verification.compare import Comparison
from analysis.verification.records import Finding
from analysis.verification.rerun import Run


@dataclass(frozen=True)
class StageReport:
    """A stage that has run again: its times, and what became of what it made.

    Attributes
    ----------
    run : Run
    outs : dict
        By output: "the same bytes", "the same picture", "other bytes", "not committed".
    metrics : list of Comparison
    """

    run: Run
    outs: dict[str, str] = field(default_factory=dict)
    metrics: list[Comparison] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """A verification.

    Attributes
    ----------
    scale, commit, date : str
        The commit is that of the clone; the date is the day (UTC) on which it was begun.
    machine, versions : dict of str to str
    uncommitted : list of str
        Files of the checkout that the clone does not have so.
    findings : list of Finding
        What does not fit together in the committed files.
    stages : list of StageReport
        What was run again; empty where nothing was.
    not_run : list of str
        What this verification says nothing of, and why.
    redone : list of Finding
        Figures, tables and claims that are others when made again from the committed results.
    """

    scale: str
    commit: str
    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    uncommitted: list[str]
    findings: list[Finding]
    stages: list[StageReport]
    not_run: list[str]
    redone: list[Finding] = field(default_factory=list)

    @property
    def differences(self) -> list[str]:
        """What speaks against the committed revision, one sentence each."""
        found = [f"{finding.file}: {finding.what}" for finding in (*self.findings, *self.redone)]
        for stage in self.stages:
            if stage.run.failure:
                found.append(f"stage {stage.run.stage} failed: {stage.run.failure}")
            found += [f"{path}: {words}" for path, words in stage.outs.items() if words == NOT_DRAWN_SO]
            found += [_difference(one) for one in stage.metrics if not one.agrees]
        return found

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.findings:
            return "NOT VERIFIED: the committed files do not fit together; nothing was run."
        if self.differences:
            return f"NOT VERIFIED: {len(self.differences)} difference(s)."
        compared = sum(len(stage.metrics) for stage in self.stages)
        if compared:
            words = f"VERIFIED: {len(self.stages)} stage(s) were run again; {compared:,} values agree"
            other = len(_not_bitwise(self.stages))
            return f"{words}; {other} output(s) differ in bytes." if other else f"{words}."
        if self.stages:
            return f"VERIFIED in part: {len(self.stages)} stage(s) run at this scale, whose numbers are not committed."
        return "VERIFIED in part: the committed files fit together; nothing was run."

    def to_json(self) -> str:
        """Write everything."""
        stages = [asdict(stage) | {"metrics": [asdict(one) for one in stage.metrics]} for stage in self.stages]
        content = asdict(self) | {
            "findings": [finding._asdict() for finding in self.findings],
            "redone": [finding._asdict() for finding in self.redone],
            "stages": stages,
            "verdict": self.verdict,
            "differences": self.differences,
        }
        return json.dumps(content, indent=1) + "\n"

    def to_markdown(self) -> str:
        """Write what a referee reads."""
        return "\n".join(_lines(self)) + "\n"


SAME_BYTES, SAME_PICTURE, OTHER_BYTES = "the same bytes", "the same picture", "other bytes"
NOT_DRAWN_SO = "another picture, drawn from the same bytes"
NOT_COMMITTED = "not committed"


def _difference(one: Comparison) -> str:
    if one.again is None:
        return f"{one.metric}: {one.committed!r} is committed, and there is none in the second run"
    if one.committed is None:
        return f"{one.metric}: {one.again!r} in the second run, and none is committed"
    return (
        f"{one.metric}: committed {one.committed!r}, in the second run {one.again!r}, allowed {one.allowed:.3g} "
        f"({one.stated})"
    )


def _lines(report: Report) -> Iterator[str]:
    yield f"# Verification of commit `{report.commit}`, scale {report.scale}\n"
    yield f"**{report.verdict}**\n"
    yield f"Begun on {report.date} (UTC) on {', '.join(f'{name} {value}' for name, value in report.machine.items())}; "
    yield f"{', '.join(f'{name} {value}' for name, value in report.versions.items())}.\n"
    for title, entries in (
        ("Differences", report.differences),
        ("Changed here since that commit, and not part of what was verified", report.uncommitted),
        ("Not looked at", report.not_run),
    ):
        if entries:
            yield f"## {title}\n"
            yield from (f"- {entry}" for entry in entries)
            yield ""
    if report.stages:
        yield from _stages(report)


def _stages(report: Report) -> Iterator[str]:
    walls, cpus = zip(*((stage.run.wall_seconds, stage.run.cpu_seconds) for stage in report.stages), strict=True)
    yield "## Stages\n"
    yield f"Each was run again, without a cache, in a clean clone: {sum(walls):,.0f} s, {sum(cpus):,.0f} s of CPU."
    yield "A deviation is in units of the tolerance; one agrees.\n"
    yield "| Stage | Time, s | CPU, s | Outputs | Metrics | Largest deviation |"
    yield "|:--|--:|--:|:--|--:|:--|"
    for stage in report.stages:
        agreed = sum(one.agrees for one in stage.metrics)
        metrics = f"{agreed:,} of {len(stage.metrics):,}" if stage.metrics else ""
        cells = [f"`{stage.run.stage}`", f"{stage.run.wall_seconds:,.1f}", f"{stage.run.cpu_seconds:,.1f}"]
        yield "| " + " | ".join([*cells, stage.run.failure or _outputs(stage), metrics, _largest(stage)]) + " |"
    yield ""
    if other := _not_bitwise(report.stages):
        yield "## Outputs that are not bitwise the same\n"
        yield from (f"- `{path}`: {words}" for path, words in other)
        yield ""


def _not_bitwise(stages: list[StageReport]) -> list[tuple[str, str]]:
    """List the committed outputs that came out in other bytes, and how."""
    outs = [(path, words) for stage in stages for path, words in stage.outs.items()]
    return [(path, words) for path, words in outs if words not in (SAME_BYTES, NOT_COMMITTED)]


def _outputs(stage: StageReport) -> str:
    same = sum(words == SAME_BYTES for words in stage.outs.values())
    if not stage.outs:
        return "none"
    if all(words == NOT_COMMITTED for words in stage.outs.values()):
        return "made"
    if same == len(stage.outs):
        return "bitwise the same"
    return f"{same} of {len(stage.outs)} bitwise the same"


def _largest(stage: StageReport) -> str:
    deviations = [(one.deviation, one.metric) for one in stage.metrics if one.deviation is not None]
    if not deviations:
        return ""
    deviation, metric = max(deviations)
    return f"{deviation:.2g} (`{metric}`)" if deviation else "0"


def write(report: Report, folder: Path) -> list[Path]:
    """Write both forms of a report; return their paths."""
    written = []
    for suffix, text in ((".md", report.to_markdown()), (".json", report.to_json())):
        path = folder / f"verification-{report.scale}{suffix}"
        with replacing(path) as partial:
            partial.write_text(text)
        written.append(path)
    return written
