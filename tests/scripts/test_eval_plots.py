"""What is drawn of an evaluation is what happened in it."""

from __future__ import annotations

import numpy as np
import torch

from animRL.evaluation.evaluate import record
from animRL.scripts.eval_plots import tracking_of, write_plots


def test_a_standing_start_touches_with_its_feet_and_tracks_itself(make_task, tmp_path):
    env = make_task({"env.num_envs": 1})
    trace = record(env, lambda obs: torch.zeros(1, env.num_actions), 30, seed=1)
    tracking = tracking_of(env, trace, 25)
    assert len(tracking.poses) == len(tracking.reference) == len(tracking.phases) == 25
    assert list(tracking.contacts) == [*env.character.feet, *env.character.hands]
    steps = np.diff(tracking.phases)
    assert np.allclose(steps[steps > 0], float(env.motion_loader.phase_step()[0]), atol=1e-5)
    feet = [tracking.contacts[name] for name in env.character.feet]
    assert (feet[0][1] | feet[1][1]).all(), "a walk's reference always has a foot on the ground"
    assert (feet[0][0] | feet[1][0])[2:20].mean() > 0.8
    for name in env.character.hands:
        assert not tracking.contacts[name][1].any()
    write_plots(tmp_path, env, trace, 25, "walk")
    assert {path.name for path in tmp_path.iterdir()} == {"eval_joints.png", "eval_motion.png"}
