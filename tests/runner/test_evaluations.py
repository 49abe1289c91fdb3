"""The evaluations of a training: which is the best, and what a checkpoint keeps of them."""

from __future__ import annotations

from typing import Any

from animRL.evaluation.evaluate import Trace, evaluation_config
from animRL.evaluation.failures import Failures
from animRL.runner.evaluations import Best, Evaluations


def metrics(
    success: float, normalised_return: float, position_error_m: float = 0.1
) -> dict[str, float]:
    return {
        "success": success,
        "normalised_return": normalised_return,
        "position_error_m": position_error_m,
    }


def test_better_is_learned_then_more_success_then_a_larger_return() -> None:
    best = Best(0.5, 0.6, 0.1, 10)
    assert best.beaten_by(metrics(0.6, 0.1)) and best.beaten_by(metrics(0.5, 0.7))
    assert not best.beaten_by(metrics(0.5, 0.6)) and not best.beaten_by(metrics(0.4, 1.0))
    learned = Best(0.95, 0.8, 0.05, 10)
    assert not learned.beaten_by(metrics(1.0, 0.9, 0.06))  # more success, but not learned
    assert learned.beaten_by(metrics(1.0, 0.81, 0.04))
    assert Best(1.0, 0.9, 0.06, 10).beaten_by(metrics(0.95, 0.5, 0.05))
    assert Best().beaten_by(metrics(0.0, 0.0))


def test_success_beyond_what_learned_takes_gives_way_to_the_return() -> None:
    assert Best(0.975, 0.8, 0.03, 10).beaten_by(metrics(0.95, 0.9, 0.03))
    assert not Best(0.95, 0.9, 0.03, 10).beaten_by(metrics(1.0, 0.8, 0.03))


def test_a_resumed_training_beats_the_best_policy_or_leaves_it(make_task: Any) -> None:
    """The best was found in iteration 7; the training goes on from 5 and gets to 7 once more."""
    taken = Evaluations(make_task({"env.num_envs": 2, "sim.engine": "kinematic"}))
    taken.from_dict({"best": [0.8, 0.7, 0.06, 7]})
    taken.run(lambda *_: metrics(0.8, 0.6, 0.06), 7, 700, 1.0)
    assert not taken.improved and taken.best == Best(0.8, 0.7, 0.06, 7)
    taken.run(lambda *_: metrics(0.8, 0.8, 0.06), 8, 800, 1.0)
    assert taken.improved and taken.best.iteration == 8


def test_evaluations_are_taken_up_and_come_back_from_a_checkpoint(make_task: Any) -> None:
    task = make_task({"env.num_envs": 2, "sim.engine": "kinematic"})
    taken = Evaluations(make_task(dict(evaluation_config(task.cfg, 2).leaves())))
    given = [metrics(0.0, 0.1), metrics(0.5, 0.4), metrics(0.5, 0.3)]
    for number, point in enumerate(given, 1):

        def evaluate(env: object, trace: Trace, failures: Failures, point: Any = point) -> Any:
            trace.total.append(1.0)
            failures.failed[0] = True
            return point

        seen, trace = taken.run(evaluate, number, 100 * number, 1.23456 * number)
        assert seen is point and trace.total == [1.0]
    assert [p["samples"] for p in taken.curve] == [100, 200, 300]
    assert taken.curve[1]["training_seconds"] == 2.47
    assert (taken.best.iteration, taken.best.normalised_return) == (2, 0.4)
    assert taken.failures is not None and taken.failures.summary().failed == 1
    assert taken.seconds > 0.0

    again = Evaluations(None)
    again.from_dict(taken.to_dict())
    assert (again.curve, again.best, again.seconds) == (taken.curve, taken.best, taken.seconds)
    again.from_dict({})
    assert (again.curve, again.best, again.seconds) == ([], Best(), 0.0)
