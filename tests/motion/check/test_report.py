"""The table and its JSON say the same."""

from __future__ import annotations

from animRL.motion.check.findings import Finding, Report, Verdict, judge, worst
from animRL.motion.check.report import as_object, summary, table

REPORT = Report(
    "a.txt",
    "bob",
    (
        Finding("names", Verdict.OK, 2, 2, "joints"),
        Finding("slip", Verdict.WARNING, 0.0123, 0.01, "m", 25, "lFoot", "hold the foot"),
        Finding("depth", Verdict.FAIL, float("nan"), 0.005, "m", 3, "rFoot", "raise it"),
        Finding("seam", Verdict.SKIPPED, advice="no loop"),
    ),
    0.02,
)


def test_judge_has_three_verdicts_and_fails_what_is_no_number() -> None:
    assert [str(judge(v, 1.0, 2.0)) for v in (1.0, 1.5, 2.5)] == ["ok", "warning", "FAIL"]
    assert judge(float("nan"), 1.0, 2.0) is Verdict.FAIL


def test_the_worst_of_several_is_the_one_farthest_past_its_limit() -> None:
    near = Finding("a", Verdict.FAIL, 2.0, 1.0)
    assert worst([Finding("b", Verdict.WARNING, 9.0, 1.0), near, Finding("c", Verdict.OK)]) is near


def test_a_report_is_as_bad_as_its_worst_finding() -> None:
    assert REPORT.verdict is Verdict.FAIL and not REPORT.passed
    assert REPORT.failed() == ("depth",)
    warned = Report("a", "bob", REPORT.findings[:2])
    assert warned.verdict is Verdict.WARNING and warned.passed


def test_the_table_has_a_line_for_each_finding_and_its_advice() -> None:
    lines = table(REPORT, 100).splitlines()
    slip = next(line for line in lines if line.startswith("slip"))
    assert slip.split() == ["slip", "0.0123", "m", "0.01", "25", "(0.50", "s)", "lFoot", "warning"]
    assert lines[lines.index(slip) + 1].strip() == "-> hold the foot"
    assert lines[-1] == summary(REPORT) == "a.txt: FAILS (1 ok, 1 skipped, 1 warning, 1 FAIL)"
    assert max(map(len, lines)) <= 100


def test_the_object_holds_the_same_with_times_and_no_nan() -> None:
    data = as_object(REPORT)
    assert data["verdict"] == "FAIL" and data["passed"] is False
    assert data["findings"][1]["time_s"] == 0.5
    assert data["findings"][2]["value"] is None
    assert [f["check"] for f in data["findings"]] == ["names", "slip", "depth", "seam"]
