"""The speed of the layers: what is noted of a task's steps and done again by the engine."""

from __future__ import annotations

import torch

from animRL.scripts.benchmark_parts import speed


def test_resets_of_a_task_on_a_gpu_are_replayed_too():
    done = []

    class Engine:
        device = torch.device("cpu")

        def step(self, targets):
            done.append("step")

        def reset(self, env_ids, state):
            done.append("reset")

        def reset_where(self, mask, state):
            done.append("reset_where")

    engine, calls = Engine(), []
    with speed._recorded(engine, calls):
        engine.step(1)
        engine.reset_where(2, 3)
        engine.reset(4, 5)
    assert calls == [("step", (1,)), ("reset_where", (2, 3)), ("reset", (4, 5))]
    first, done[:] = list(done), []
    speed._replay(engine, calls, engine.step)
    assert done == first == ["step", "reset_where", "reset"]
