"""What a check found, and the verdict on all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is; a clip passes with anything but a FAIL."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """The result of one check at its worst place."""

    check: str
    verdict: Verdict
    value: float | None = None
    """What was measured, in ``unit``."""
    limit: float | None = None
    """Beyond it the verdict is no longer ok."""
    unit: str = ""
    frame: int | None = None
    where: str = ""
    """Joint, body, column or field."""
    advice: str = ""
    """One line: what it means and what to do."""


@dataclass(frozen=True)
class Report:
    """All findings on one clip of ``frame_duration`` [s]."""

    source: str
    character: str
    findings: tuple[Finding, ...]
    frame_duration: float | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts; skipped checks count as nothing."""
        for verdict in (Verdict.FAIL, Verdict.WARNING):
            if any(f.verdict is verdict for f in self.findings):
                return verdict
        return Verdict.OK

    @property
    def passed(self) -> bool:
        """Whether nothing failed; warnings are allowed."""
        return self.verdict is not Verdict.FAIL

    def find(self, check: str) -> Finding:
        """The finding of one check by its name."""
        return next(f for f in self.findings if f.check == check)

    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(f.check for f in self.findings if f.verdict is Verdict.FAIL)


def judge(value: float, warn: float, fail: float) -> Verdict:
    """The verdict on a value that is ok up to ``warn`` and a warning up to ``fail``."""
    if not value <= fail:
        return Verdict.FAIL
    return Verdict.OK if value <= warn else Verdict.WARNING


def worst(findings: Sequence[Finding]) -> Finding:
    """The finding with the worst verdict; among equals the one farthest beyond its limit."""
    order = list(Verdict)

    def badness(finding: Finding) -> tuple[int, float]:
        ratio = abs((finding.value or 0.0) / (finding.limit or 1.0))
        return order.index(finding.verdict), ratio

    return max(findings, key=badness)
