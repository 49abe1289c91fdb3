"""Two engines compared: what agrees, what does not, and the outcome of a policy."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from animRL.envs.mimic_task import MimicTask
from animRL.evaluation import parity
from animRL.sim.base import SimBackend
from animRL.sim.factory import make_backend
from animRL.tasks import make_env_cfg

NOISELESS = {"init_state.joint_noise": 0.0, "init_state.root_velocity_noise": 0.0}


def engine(name: str, num_envs: int = 4, **settings: object) -> SimBackend:
    cfg = make_env_cfg("walk")
    for path, value in {"engine": name, "device": "cpu", "threads": 1, **settings}.items():
        cfg.set("sim." + path, value)
    return parity.OnCpu(make_backend(cfg, num_envs))


def random_actions(task: MimicTask) -> parity.Actions:
    torch.manual_seed(1)  # of the starts after falls
    generator = torch.Generator().manual_seed(1)
    shape = (task.num_envs, task.num_actions)
    return lambda obs, step: 0.3 * torch.randn(shape, generator=generator)


@pytest.mark.parametrize("synchronise", [True, False])
def test_an_engine_agrees_with_itself_on_other_threads(make_task, synchronise):
    task = make_task(NOISELESS)
    other = engine("mujoco", threads=2)
    found = parity.compare(task, other, random_actions(task), 12, synchronise)
    assert found.contact_share > 0.3
    assert all(found.largest(name) == 0.0 for name in found.differences if "rotation" not in name)
    assert found.terminations == 0 and parity.verdict(found) == []


def test_other_physics_are_found_out(make_task):
    task = make_task(NOISELESS)
    other = engine("mujoco", **{"mujoco.armature": 0.1})
    found = parity.compare(task, other, random_actions(task), 5, True)
    assert any(line.startswith("joint position") for line in parity.verdict(found))
    assert found.largest("reward track_joint_pos [1]") > 0.0


def test_an_engine_without_ground_is_found_out(make_task):
    task = make_task(NOISELESS)
    found = parity.compare(task, engine("kinematic"), random_actions(task), 5, True)
    assert any(line.startswith("ground force") for line in parity.verdict(found))


class Switch(parity.OnCpu):
    """An engine whose ground carries environment 0 only where a reset put its root below a height.

    ``bias`` is the engine's own error of that height, ``force`` [N] what its ground gives.
    """

    def __init__(self, height: float, bias: float = 0.0, force: float = 500.0) -> None:
        super().__init__(engine("kinematic"))
        self.height, self.bias, self.force, self.below = height, bias, force, False

    def reset(self, env_ids, state):
        self.below = bool(state.root_pos[0, 2] + self.bias < self.height)
        super().reset(env_ids, state)

    def state(self):
        state = super().state()
        force = torch.zeros_like(state.ground_contact_force)
        force[0, 3, 2] = self.force * self.below
        return dataclasses.replace(state, ground_contact_force=force)

    def save_state(self):
        return {"own": super().save_state(), "below": self.below}

    def load_state(self, saved):
        self.below = saved["below"]
        super().load_state(saved["own"])


def compared_switches(make_task, above: float, **second: float) -> parity.Comparison:
    """One step of a task that starts ``above`` [m] the height at which two such engines switch."""
    task = make_task(NOISELESS)
    task.reset(torch.zeros(4))  # environment 0 starts there in a comparison, too
    height = float(task.backend.state().root_pos[0, 2]) - above
    task.backend = Switch(height)
    return parity.compare(task, Switch(height, **second), random_actions(task), 1, True)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_contact_on_the_edge_is_counted_and_not_judged(make_task, side):
    found = compared_switches(make_task, side * 5e-7, bias=-side * 1e-6)
    assert found.largest(parity.FORCE) > 0.5
    assert found.edges.tolist() == [[True, False, False, False]]
    assert found.largest_off_the_edge(parity.FORCE) == 0.0 and parity.verdict(found) == []


@pytest.mark.parametrize(
    ("above", "second"),
    [
        (1e-4, {"bias": -2e-4}),  # an error of height that rounding does not explain
        (5e-7, {"bias": -1e-6, "force": 5000.0}),  # on the edge, and ten times the force
        (-1e-2, {"force": 550.0}),  # far from the edge, 10 % more force
        (5e-7, {"bias": -1e-6, "force": float("nan")}),
    ],
)
def test_a_real_difference_is_no_edge(make_task, above, second):
    found = compared_switches(make_task, above, **second)
    assert found.edge_count == 0
    assert any(line.startswith("ground force") for line in parity.verdict(found))


def test_looking_for_an_edge_leaves_the_run_as_it_was(make_task, monkeypatch):
    runs = []
    for look in (True, False):
        task = make_task(NOISELESS)
        other = engine("mujoco", **{"mujoco.armature": 0.1})
        if not look:
            monkeypatch.setattr(parity, "on_the_edge", lambda *a: torch.zeros(4, dtype=torch.bool))
        runs.append(parity.compare(task, other, random_actions(task), 8, True))
    assert runs[0].edge_count < 4
    for name, values in runs[0].differences.items():
        torch.testing.assert_close(values, runs[1].differences[name], rtol=0.0, atol=0.0)


def test_many_steps_on_the_edge_are_a_verdict_of_no():
    none = torch.zeros(10, 20)
    edges = torch.zeros(10, 20, dtype=torch.bool)
    for count, problems in ((2, 0), (3, 1)):
        edges.view(-1)[:count] = True
        found = parity.Comparison(
            {parity.JOINTS: none + edges, parity.FORCE: none}, 0, 1.0, none == 0.0, edges
        )
        assert len(parity.verdict(found)) == problems


def test_free_runs_are_compared_until_an_episode_ends(make_task):
    task = make_task({**NOISELESS, "env.episode_length": 3})
    found = parity.compare(task, engine("mujoco"), random_actions(task), 5, False)
    assert found.compared.sum(dim=0).max() <= 3
    assert found.largest_by_step("joint position [rad]")[4] != 0.0  # NaN: none is compared


def test_the_force_is_relative_to_the_larger_of_force_and_weight(make_task):
    task = make_task(NOISELESS)
    first = task.step(torch.zeros(4, 32))
    force = torch.zeros_like(first.state.ground_contact_force)
    force[:, 3, 2] = torch.tensor([1000.0, 100.0, 0.0, 2000.0])
    a = dataclasses.replace(
        first, state=dataclasses.replace(first.state, ground_contact_force=force)
    )
    b = dataclasses.replace(
        first, state=dataclasses.replace(first.state, ground_contact_force=1.1 * force)
    )
    relative = parity.differences(a, b, weight=500.0)["ground force [relative]"]
    torch.testing.assert_close(relative, torch.tensor([0.1, 0.02, 0.0, 0.1]))


def test_outcomes_differ_beyond_three_standard_errors():
    first = {"success": (1.0, 0.0), "normalised return": (0.70, 0.01)}
    near = {"success": (0.99, 0.01), "normalised return": (0.73, 0.01)}
    far = {"success": (0.8, 0.04), "normalised return": (0.80, 0.01)}
    assert parity.outcomes_differ(first, near, 100) == []
    assert [line.split(":")[0] for line in parity.outcomes_differ(first, far, 100)] == [
        "success", "normalised return",
    ]  # fmt: skip


@pytest.mark.slow
def test_warp_agrees_with_mujoco_over_a_hundred_steps_in_contact(make_task):
    pytest.importorskip("mujoco_warp", reason="the extra gpu (mujoco-warp) is not installed")
    task = make_task(NOISELESS)
    found = parity.compare(task, engine("warp"), random_actions(task), 100, True)
    assert found.contact_share > 0.3
    assert found.largest("joint position [rad]") < 1e-3
    assert found.largest("ground force [relative]") < 0.01
    assert found.terminations == 0 and found.edge_count == 0
