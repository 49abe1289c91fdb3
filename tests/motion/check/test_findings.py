"""Verdicts: where they begin, and which of several counts."""

from __future__ import annotations

import itertools

import pytest

from animRL.motion.check.findings import Finding, Report, Verdict, judge, worst


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.0, "ok"), (1.0, "ok"), (1.01, "warning"), (2.0, "warning"), (2.01, "FAIL")],
)
def test_limits_belong_to_the_better_side(value: float, verdict: str) -> None:
    assert judge(value, 1.0, 2.0) == verdict


def test_what_cannot_be_measured_fails() -> None:
    assert judge(float("nan"), 1.0, 2.0) is Verdict.FAIL


def test_the_verdict_on_a_report_is_the_worst_in_any_order() -> None:
    findings = [Finding(str(v), v) for v in (Verdict.OK, Verdict.SKIPPED, Verdict.WARNING)]
    for some in itertools.permutations(findings):
        report = Report("clip", "bob", some)
        assert report.verdict is Verdict.WARNING and report.passed and report.failed() == ()
        failing = Report("clip", "bob", (*some, Finding("axes", Verdict.FAIL)))
        assert failing.verdict is Verdict.FAIL and not failing.passed
        assert failing.failed() == ("axes",)
        assert failing.find("axes").verdict is Verdict.FAIL
    assert Report("clip", "bob", (Finding("a", Verdict.SKIPPED),)).verdict is Verdict.OK


def test_among_equal_verdicts_the_farthest_beyond_its_limit_is_the_worst() -> None:
    near, far = (Finding(n, Verdict.WARNING, v, 2.0) for n, v in (("near", 3.0), ("far", -9.0)))
    fail = Finding("fail", Verdict.FAIL, 0.1, 2.0)
    assert worst([near, far]) is worst([far, near]) is far
    assert worst([near, fail, far]) is fail
