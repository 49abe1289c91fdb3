"""The verdict of a training: the limits, what is blamed, and what is advised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from animRL.cfg.literals import parse_literal
from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.evaluation.failures import FailureSummary
from animRL.runner.verdict import is_learned, judge, verdict_lines, write_verdict


def point(number: int, success: float, error: float, normalised_return: float = 0.5) -> dict:
    return {
        "iteration": 25 * number, "samples": 307_200 * number, "training_seconds": 60.0 * number,
        "evaluation_seconds": 1.0, "success": success, "position_error_m": error,
        "normalised_return": normalised_return,
    }  # fmt: skip


def failures(**changes: Any) -> FailureSummary:
    values: dict[str, Any] = {
        "episodes": 40, "failed": 16, "fell": 14, "first_bodies": {"lHand": 9, "pelvis": 5},
        "phase": 0.45, "near_phase": 12, "clip": "Cartwheel", "in_clip": 16,
        "terms": {"track_joint_pos": 0.8, "track_ee_pos": 0.4},
    }  # fmt: skip
    return FailureSummary(**{**values, **changes})


@pytest.mark.parametrize(
    ("success", "error", "learned"),
    [(0.95, 0.05, True), (1.0, 0.0, True), (0.949, 0.05, False), (0.95, 0.0501, False)],
)
def test_both_limits_belong_to_what_is_learned(success: float, error: float, learned: bool) -> None:
    assert is_learned({"success": success, "position_error_m": error}) is learned


def test_learned_is_the_first_evaluation_that_reaches_the_limits() -> None:
    curve = [point(1, 0.0, 0.2), point(2, 1.0, 0.04), point(3, 0.9, 0.03), point(4, 1.0, 0.03)]
    verdict = judge(curve, failures())
    assert verdict["learned"] and (verdict["evaluation"], verdict["evaluations"]) == (2, 4)
    assert verdict["at"]["samples"] == 614_400 and "failures" not in verdict
    assert verdict_lines(verdict) == [
        "learned after 614.4 k samples and 2.0 min of training (evaluation 2 of 4): success 1.00, "
        "position error 0.040 m"
    ]


def test_what_limited_it_is_told_and_written(tmp_path: Path) -> None:
    verdict = judge([*(point(i, 0.1, 0.2) for i in (1, 2, 3)), point(4, 0.6, 0.08)], failures())
    lines = verdict_lines(verdict)
    assert lines == [
        "not learned after 1.23 M samples and 4.0 min of training (evaluation 4 of 4): success "
        "0.60 (learned: from 0.95), position error 0.080 m (learned: up to 0.050)",
        "what limited it: 16 of 40 episodes failed, 14 by a fall, lHand first in 9; around phase "
        "0.45 in 12; lowest reward term track_ee_pos, 0.40 on average",
        "to try: look at the clip around phase 0.45 (scripts/motion.py view and check): is that "
        "possible for the character? If so, let more episodes begin before it: "
        "--set init_state.phase_sampling=failures init_state.failure_share=0.8",
    ]
    write_verdict(tmp_path, verdict)
    assert [p.name for p in tmp_path.iterdir()] == ["verdict.json"]
    written = json.loads((tmp_path / "verdict.json").read_text())
    assert written == {**verdict, "text": lines} and written["learned"] is False
    assert written["failures"]["first_bodies"] == {"lHand": 9, "pelvis": 5}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fell": 0, "first_bodies": {}}, "failed, without a fall, too far from the reference;"),
        ({"first_bodies": {}}, "14 by a fall that no body touched the ground in"),
        ({"in_clip": 10}, "10 of them in the clip Cartwheel, there around phase 0.45 in 12"),
        ({"failed": 0, "fell": 0, "phase": None, "clip": None}, "none of 40 episodes failed; low"),
    ],
)
def test_every_way_to_fail_reads_well(changes: dict[str, Any], said: str) -> None:
    lines = verdict_lines(judge([point(1, 0.6, 0.08)], failures(**changes)))
    assert said in lines[1]


@pytest.mark.parametrize(
    ("returns", "changes", "advice"),
    [
        ([0.1, 0.2, 0.3, 0.4], {}, "train longer, it was still getting better (--resume"),
        ([0.1, 0.4, 0.4, 0.4], {}, "look at the clip around phase 0.45"),
        (
            [0.4] * 4,
            {"terms": {"a": 0.29, "b": 0.5}},
            "a larger sigma for a, the first number of rew",
        ),
        ([0.4] * 4, {"near_phase": 8}, "another --seed"),
        ([0.4] * 4, {"failed": 0, "fell": 0, "phase": None}, "train longer, or a smaller sigma"),
        ([0.1, 0.2, 0.3], {}, "train longer, so few evaluations say little"),
        ([0.1] * 6 + [0.2, 0.205], {}, "train longer, it was still"),  # from the 6th to the 8th
        ([0.1] * 5 + [0.2, 0.2, 0.205], {}, "look at the clip"),
    ],
)
def test_the_advice_fits_what_happened(
    returns: list[float], changes: dict[str, Any], advice: str
) -> None:
    curve = [point(i, 0.6, 0.08, value) for i, value in enumerate(returns, 1)]
    assert verdict_lines(judge(curve, failures(**changes)))[2].startswith(f"to try: {advice}")


def test_what_is_advised_can_be_typed() -> None:
    cfg = WalkConfig()
    curve = [point(i, 0.6, 0.08) for i in range(4)]
    for typed in verdict_lines(judge(curve, failures()))[2].split("--set ")[1].split():
        name, value = typed.split("=")
        cfg.set(name, parse_literal(value))
    named = verdict_lines(judge(curve, failures(terms={"track_ee_pos": 0.1})))[2].split()[-1]
    assert named == "rewards.terms.track_ee_pos" and cfg.get(named)[0] > 0.0


def test_without_notes_on_failures_the_verdict_stands_alone() -> None:
    assert len(verdict_lines(judge([point(1, 0.6, 0.08)]))) == 1
