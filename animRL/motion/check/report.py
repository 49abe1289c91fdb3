"""A report as a table to read, or as an object for other programs."""

from __future__ import annotations

import math
import shutil
from typing import Any

from animRL.motion.check.findings import Finding, Report, Verdict

COLUMNS = ("check", "value", "limit", "worst at", "where", "verdict")
_MARGIN = 2


def table(report: Report, width: int | None = None) -> str:
    """The findings as text; what to do stands under each that is not ok.

    Lines are cut to ``width`` columns (default: the terminal's, or 120).
    """
    width = width or max(shutil.get_terminal_size((120, 24)).columns, 80)
    rows = [_cells(finding, report.frame_duration) for finding in report.findings]
    widths = [max(len(r[i]) for r in [COLUMNS, *rows]) for i in range(len(COLUMNS))]
    lines = [_line(COLUMNS, widths)]
    for finding, row in zip(report.findings, rows):
        lines.append(_line(row, widths))
        if finding.advice and finding.verdict is not Verdict.OK:
            lines += _wrapped(finding.advice, width)
    return "\n".join([f"{report.source} on {report.character}", *lines, "", summary(report)])


def summary(report: Report) -> str:
    """One line: the verdict and how it came about."""
    counts = {v: sum(f.verdict is v for f in report.findings) for v in Verdict}
    parts = [
        f"{counts[v]} {v}{'s' if v is Verdict.WARNING and counts[v] > 1 else ''}"
        for v in (Verdict.OK, Verdict.SKIPPED, Verdict.WARNING, Verdict.FAIL)
        if counts[v]
    ]
    verdict = {
        Verdict.OK: "passes", Verdict.WARNING: "passes with warnings", Verdict.FAIL: "FAILS",
    }[report.verdict]  # fmt: skip
    return f"{report.source}: {verdict} ({', '.join(parts)})"


def as_object(report: Report) -> dict[str, Any]:
    """The report in types of JSON; times in seconds, no number where none was measured."""
    return {
        "clip": report.source,
        "character": report.character,
        "verdict": str(report.verdict),
        "passed": report.passed,
        "findings": [
            {
                "check": f.check,
                "verdict": str(f.verdict),
                "value": _finite(f.value),
                "limit": _finite(f.limit),
                "unit": f.unit,
                "frame": f.frame,
                "time_s": _time(f, report.frame_duration),
                "where": f.where,
                "advice": f.advice,
            }
            for f in report.findings
        ],
    }


def _cells(finding: Finding, dt: float | None) -> tuple[str, ...]:
    time = _time(finding, dt)
    at = "" if finding.frame is None else f"{finding.frame}"
    at += "" if time is None else f" ({time:.2f} s)"
    value = "" if finding.value is None else f"{_number(finding.value)} {finding.unit}".rstrip()
    limit = "" if finding.limit is None else _number(finding.limit)
    return finding.check, value, limit, at, finding.where, str(finding.verdict)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(w) for cell, w in zip(cells, widths)).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    indent = " " * _MARGIN
    return textwrap.wrap(
        text, width, initial_indent=f"{indent}-> ", subsequent_indent=f"{indent}   "
    )


def _number(value: float) -> str:
    """Three significant digits without an exponent for sizes that people read."""
    if not math.isfinite(value) or value == 0.0:
        return f"{value:g}"
    if abs(value) < 1e-3:
        return f"{value:.1e}" if abs(value) >= 1e-6 else "0"
    if abs(value) >= 1e5:
        return f"{value:.1e}"
    return f"{value:.3g}" if abs(value) < 1000.0 else f"{value:.0f}"


def _time(finding: Finding, dt: float | None) -> float | None:
    return None if finding.frame is None or dt is None else round(finding.frame * dt, 4)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
