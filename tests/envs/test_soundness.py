"""A number that is none costs one environment its episode, and no other anything."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from animRL.envs import mimic_task
from animRL.envs.mimic_task import MimicTask
from animRL.envs.soundness import cleaned, sound_rows
from animRL.sim.factory import warp_is_installed

STEPS, AT, VICTIM = 10, 4, 3
QPOS = {"root position": 1, "root rotation": 4, "joint angle": 20}
QVEL = {"root velocity": 0, "root angular velocity": 4, "joint velocity": 21}
TERMS = (
    *("track_base_height", "track_base_orientation", "track_joint_pos", "track_base_vel"),
    *("track_ee_pos", "joint_targets_rate"),
)
QUANTITIES = {
    "action": "action",
    "observation": "observation",
    **{name: "state" for name in (*QPOS, *QVEL, "contact force", "position while it steps")},
    **{term: term for term in TERMS},
}
"""What is spoilt, and under which name that is to be counted."""
COUNTS = [pytest.param(16, id="16"), pytest.param(512, id="512", marks=pytest.mark.slow)]
WARP = (
    pytest.mark.skipif(not warp_is_installed(), reason="the extra gpu (mujoco-warp) is missing"),
    pytest.mark.slow,
)
ENGINES = ["mujoco", pytest.param("warp", marks=WARP)]


def spoil_state(task: MimicTask, quantity: str, value: float) -> None:
    """Put a number into the engine's own memory, as its physics might have."""
    backend = task.backend
    fields = getattr(backend, "_fields", None)
    if quantity == "contact force":
        if fields is None:
            backend._ground_force = backend._ground_force.clone()
            backend._ground_force[VICTIM, 2, 0] = value
        else:
            fields["sensordata"][VICTIM, 0] = value
    else:
        column = {**QPOS, **QVEL, "position while it steps": 2}[quantity]
        name = "qvel" if quantity in QVEL else "qpos"
        (getattr(backend, f"_{name}") if fields is None else fields[name])[VICTIM, column] = value
    backend._state = None


def run(
    make_task: Callable[[dict], MimicTask], engine: str, count: int,
    quantity: str | None = None, value: float = math.nan,
) -> tuple[dict[str, Tensor], dict[str, float], MimicTask]:  # fmt: skip
    """Returns every number of every step (STEPS, N, ...), the faults found, and the task."""
    settings = {"sim.engine": engine, "env.num_envs": count, "init_state.joint_noise": 0.05,
                "sim.device": "cpu", "env.episode_length": 7}  # fmt: skip
    torch.manual_seed(3)
    task = make_task(settings)
    task.masked_resets = True  # random numbers for all environments in every step
    task.episode_steps = torch.arange(count) % 7
    actions = torch.randn(STEPS, count, task.num_actions)
    step, compose, observe = task.backend.step, task.compose_reward, mimic_task.observe
    rows: dict[str, list[Tensor]] = {}
    faults: dict[str, float] = {}
    now = {"step": 0}

    def stepped(targets: Tensor) -> None:
        if now["step"] == AT and quantity == "position while it steps":
            spoil_state(task, quantity, value)
        step(targets)
        if now["step"] == AT and QUANTITIES.get(quantity or "") == "state":
            if quantity != "position while it steps":
                spoil_state(task, str(quantity), value)

    class Spoilt:
        parameters = compose.parameters

        def __call__(self, data):  # type: ignore[no-untyped-def]
            total, terms = compose(data)
            if now["step"] == AT and quantity in TERMS:
                terms = {name: term.clone() for name, term in terms.items()}
                terms[quantity][VICTIM] = value
                total = torch.stack(list(terms.values())).prod(dim=0)
            return total, terms

    def seen(*args: object) -> Tensor:
        obs = observe(*args)
        if now["step"] == AT and quantity == "observation":
            obs[VICTIM, 7] = value
        return obs

    task.backend.step, task.compose_reward = stepped, Spoilt()  # type: ignore[assignment]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mimic_task, "observe", seen)
        for number in range(STEPS):
            now["step"] = number
            given = actions[number].clone()
            if number == AT and quantity == "action":
                given[VICTIM, 5] = value
            result = task.step(given)
            after = task.backend.state()
            kept = {"obs": result.obs, "reward": result.reward, "done": result.done.float(),
                    "phase": task.reference.phase, "qpos": after.joint_pos,
                    "qvel": after.joint_vel, "root": after.root_pos,
                    "rotation": after.root_quat, **result.terms}  # fmt: skip
            for name, values in kept.items():
                rows.setdefault(name, []).append(values.clone())
            for name, found in result.faults.items():
                faults[name] = faults.get(name, 0.0) + float(found.sum())
    return {name: torch.stack(values) for name, values in rows.items()}, faults, task


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_others_do_not_notice(make_task, engine: str, count: int) -> None:
    clean, none, _ = run(make_task, engine, count)
    assert sum(none.values()) == 0.0
    others = torch.arange(count) != VICTIM
    for quantity, counted in QUANTITIES.items():
        for value in (math.nan, math.inf, -math.inf):
            spoilt, faults, task = run(make_task, engine, count, quantity, value)
            case = (quantity, value)
            for name, values in spoilt.items():
                assert torch.isfinite(values).all(), (case, name)
                assert torch.equal(values[:, others], clean[name][:, others]), (case, name)
            found = {name: number for name, number in faults.items() if number}
            assert found == {counted: 1.0}, case
            ended = AT + (quantity == "observation")  # the action that it would lead to
            assert spoilt["done"][ended, VICTIM] == 1.0, case
            assert spoilt["reward"][ended, VICTIM] == 0.0, case
            assert not torch.equal(spoilt["obs"][-1, VICTIM], clean["obs"][-1, VICTIM]), case
            task.backend.close()


def test_rows_are_judged_each_alone() -> None:
    values = torch.tensor([[1.0, 2.0], [math.nan, 0.0], [0.0, -math.inf], [3.0, 4.0]])
    assert sound_rows(values).tolist() == [True, False, False, True]
    assert sound_rows(torch.zeros(4, 1), values).tolist() == [True, False, False, True]
    clean, bad = cleaned(values)
    assert clean.tolist() == [[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [3.0, 4.0]]
    assert bad.tolist() == [False, True, True, False]
    assert math.isnan(float(values[1, 0]))
