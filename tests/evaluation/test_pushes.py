"""Pushes: when, how hard and where to they act, who counts as having stayed up."""

from __future__ import annotations

import pytest
import torch

from animRL.cfg.mimic.cartwheel_config import CartwheelConfig
from animRL.cfg.mimic.mimic_config import MimicConfig
from animRL.cfg.mimic.turn_config import TurnConfig
from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import evaluation_config
from animRL.evaluation.pushes import (
    DIRECTIONS,
    PushResult,
    PushTest,
    find_largest_push,
    heading,
    push,
)
from animRL.runner.policy import load_policy
from animRL.scripts.cli import load_configurations
from animRL.sim.base import PhysParams, ResetState
from animRL.sim.factory import make_backend
from animRL.sim.kinematic import KinematicBackend
from animRL.tasks import make_env
from animRL.utils.errors import InputError
from animRL.utils.paths import REPO_ROOT

SHORT = PushTest(step=40.0, mid_cycle=1, spread=2, cycles=1, seconds_after=0.1)


class PushedOver(KinematicBackend):
    """Goes where it is put, but flies out of range under more than ``borne`` [N]."""

    borne = 100.0

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.caps = frozenset({"push_force"})
        self.force = torch.zeros(self.num_envs, 3)
        self.felt: list[torch.Tensor] = []

    def _apply_params(self, env_ids: torch.Tensor, params: PhysParams) -> None:
        assert params.push_force is not None
        self.force[env_ids] = params.push_force

    def reset(self, env_ids: torch.Tensor, state: ResetState) -> None:
        super().reset(env_ids, state)
        self.force[env_ids] = 0.0

    def step(self, joint_targets: torch.Tensor) -> None:
        super().step(joint_targets)
        self.felt.append(self.force.clone())
        height = torch.where(self.force.norm(dim=-1) > self.borne, 5.0, 0.0)
        self._current.root_pos[:, 2] += height


def make_task(count: int, cfg: MimicConfig | None = None) -> MimicTask:
    """Characters on the kinematic engine above."""
    cfg = evaluation_config(cfg or WalkConfig(), count)
    cfg.set("sim.engine", "kinematic")
    cfg.set("control.action_offset", "reference")
    cfg.set("init_state.joint_noise", 0.0)
    cfg.set("init_state.root_velocity_noise", 0.0)
    plain = make_backend(cfg, count)
    return MimicTask(cfg, PushedOver(plain.character, count, plain.dt))


def following(env: MimicTask):  # noqa: ANN201
    """A policy that tracks perfectly."""

    def policy(obs: torch.Tensor) -> torch.Tensor:
        env.backend.follow(env.reference_state())  # type: ignore[attr-defined]
        return torch.zeros(len(obs), env.num_actions)

    return policy


def test_a_push_acts_for_two_tenths_of_a_second_in_the_cycle_and_direction_asked_for() -> None:
    env = make_task(2, TurnConfig())
    forces, phases = torch.tensor([30.0, 50.0]), torch.tensor([0.5, 0.25])
    test = PushTest(cycles=2, seconds_after=0.4)
    up = push(env, following(env), forces, DIRECTIONS["sideways"], phases, test, seed=0)
    assert up.tolist() == [True, True]
    felt = torch.stack(env.backend.felt)  # type: ignore[attr-defined]
    # A cycle of the turn has 100 steps: 2.5 cycles are 250, 2.25 are 225; 0.2 s are 10 steps.
    acting = [(felt[:, i].norm(dim=-1) > 0.0).nonzero().flatten().tolist() for i in range(2)]
    assert acting == [list(range(250, 260)), list(range(225, 235))]
    assert len(felt) == 260 + 20  # 0.4 s after the last push
    # It begins facing along x, but for the sway of the pelvis; two quarter turns later its left,
    # which was y, is -y.
    for i, (step, force) in enumerate(((255, 30.0), (230, 50.0))):
        expected = torch.tensor([0.0, -force, 0.0])
        torch.testing.assert_close(felt[step, i], expected, atol=0.1 * force, rtol=0)


@pytest.mark.parametrize("cfg", [WalkConfig(), CartwheelConfig()])
def test_the_heading_turns_with_the_start_and_with_nothing_else(cfg: MimicConfig) -> None:
    """Whatever the phase, upside down too, and whatever the pelvis does."""
    env = make_task(8, cfg)
    phases = torch.arange(8) / 8
    env.reset(phases)
    straight = heading(env)
    assert float(straight.abs().max()) < 0.1  # both clips begin facing along x
    torch.testing.assert_close(straight, straight[:1].expand(8), atol=0.1, rtol=0)
    env.reset(phases, yaw=torch.full((8,), 1.0))
    torch.testing.assert_close(heading(env), straight + 1.0, atol=1e-4, rtol=0)


def test_a_clip_that_does_not_loop_is_pushed_once_and_played_to_its_end() -> None:
    env = make_task(2, CartwheelConfig())
    forces, phases = torch.tensor([30.0, 300.0]), torch.tensor([0.5, 0.2])
    up = push(env, following(env), forces, 0.0, phases, PushTest(), seed=0)
    assert up.tolist() == [True, False]
    felt = torch.stack(env.backend.felt)  # type: ignore[attr-defined]
    assert len(felt) == 150
    assert (felt[:, 0, 0] > 0.0).nonzero().flatten().tolist() == list(range(75, 85))
    assert (felt[31:, 1] == 0.0).all()  # it fell in step 30 and is left alone


def test_the_largest_push_is_found_and_the_search_ends_there() -> None:
    env = make_task(6)  # three samples of two forces at once
    result = find_largest_push(env, following(env), "forward", SHORT, seed=0)
    # 0 and 40, 80 and 120: the last one is above 100 N.
    assert result.forces.tolist() == [0.0, 40.0, 80.0, 120.0]
    assert result.mid_cycle.tolist() == result.spread.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert result.largest(result.spread) == 80.0
    assert (env.backend.force == 0.0).all()  # type: ignore[attr-defined]


def test_the_search_ends_at_the_limit_too() -> None:
    env = make_task(3)
    test = PushTest(step=40.0, limit=60.0, mid_cycle=1, spread=2, cycles=0, seconds_after=0.1)
    result = find_largest_push(env, following(env), "forward", test, seed=0)
    assert result.forces.tolist() == [0.0, 40.0] and result.largest(result.mid_cycle) == 40.0


def test_a_force_counts_if_all_smaller_ones_were_borne() -> None:
    forces = torch.tensor([0.0, 20.0, 40.0, 60.0, 80.0])
    shares = torch.tensor([1.0, 1.0, 0.9, 0.8, 1.0])
    result = PushResult(forces, shares, torch.zeros(5))
    assert result.largest(shares) == 20.0
    assert result.largest(shares, 0.9) == 40.0
    assert result.largest(shares, 0.8) == 80.0
    assert result.largest(result.spread) is None


def test_samples_are_in_mid_cycle_and_spread_over_it() -> None:
    phases = PushTest(mid_cycle=2, spread=4).phases
    assert phases.tolist() == [0.5, 0.5, 0.125, 0.375, 0.625, 0.875]


def test_an_engine_that_cannot_push_says_so() -> None:
    cfg = evaluation_config(WalkConfig(), 3)
    cfg.set("sim.engine", "kinematic")
    cfg.set("control.action_offset", "reference")
    env = MimicTask(cfg, make_backend(cfg, 3))
    with pytest.raises(InputError, match="cannot set push_force") as error:
        find_largest_push(env, following(env), "forward", SHORT, seed=0)
    assert "\n" not in str(error.value)


def test_the_shipped_walk_stays_up_unpushed_and_falls_under_five_thousand_newton() -> None:
    run = REPO_ROOT / "results" / "walk"
    env_cfg, train_cfg = load_configurations("walk", run)
    env_cfg.set("sim.engine", "mujoco")
    env_cfg.set("sim.threads", 1)
    env = make_env("walk", evaluation_config(env_cfg, 4))
    policy = load_policy(run / "model.pt", train_cfg, env)
    forces, phases = torch.tensor([0.0, 0.0, 5000.0, 5000.0]), torch.full((4,), 0.5)
    test = PushTest(cycles=1, seconds_after=1.5)
    for angle in DIRECTIONS.values():
        up = push(env, policy, forces, angle, phases, test, seed=1)
        assert up.tolist() == [True, True, False, False]
    env.backend.close()
