"""One character that plays a policy, and films of what it did; for eval.py and demo.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def play_alone(
    task: str, env_cfg: Any, train_cfg: Any, checkpoint: Path, payload: dict[str, Any] | None = None
) -> tuple[Any, Any]:
    """Make the task with one character that starts without noise, and load a policy for it.

    Args:
        task: its name.
        env_cfg: the environment's configuration.
        train_cfg: the training's.
        checkpoint: the policy's file.
        payload: what has been read from it; None: it is read.

    Returns:
        The environment and the deterministic policy.
    """
    from animRL.evaluation.evaluate import evaluation_config
    from animRL.runner.checkpoint import load_checkpoint
    from animRL.runner.policy import policy_of
    from animRL.tasks import make_env

    cfg = evaluation_config(env_cfg, 1)
    cfg.set("init_state.joint_noise", 0.0)
    cfg.set("init_state.root_velocity_noise", 0.0)
    cfg.set("sim.window", env_cfg.sim.window)
    env = make_env(task, cfg)
    read = load_checkpoint(checkpoint) if payload is None else payload
    return env, policy_of(read, train_cfg, env, str(checkpoint))


def clip_steps(env: Any, clip: int) -> int:
    """Control steps of a clip, once through."""
    return round(float(env.motion_loader.trajectory_lens[clip]) / env.dt)


def shown_steps(env: Any, clip: int, seconds: float) -> int:
    """Control steps of what is shown of a clip: all of it, but of a loop so many seconds."""
    return round(seconds / env.dt) if bool(env.motion_loader.loops[clip]) else clip_steps(env, clip)


def cut(trace: Any, steps: int) -> Any:
    """The first steps of a trace, of what a film needs."""
    from animRL.evaluation.evaluate import Trace

    names = ("total", "falls", "poses", "reference_poses", "clips", "phases")
    return Trace(**{name: getattr(trace, name)[:steps] for name in names})


def poses_of(trace: Any, first: int = 0, last: int | None = None) -> tuple[Any, Any]:
    """States and reference states of a stretch of a trace, as ``viewer.poses.Poses``."""
    from animRL.viewer.poses import Poses

    poses, references = (
        Poses(*(_stacked(rows[first:last], column) for column in range(3)))
        for rows in (trace.poses, trace.reference_poses)
    )
    return poses, references


def captions(env: Any, traces: list[Any]) -> list[str]:
    """Time, phase, reward and, where there are several clips, the clip's name, for every step."""
    names = env.motion_loader.labels if env.motion_loader.num_motions > 1 else None
    return [
        caption(step, phase, reward, env.dt, names[clip] if names else "")
        for trace in traces
        for step, (clip, phase, reward) in enumerate(
            zip(trace.clips, trace.phases, trace.total, strict=True)
        )
    ]


def caption(step: int, phase: float, reward: float, dt: float, clip: str = "") -> str:
    """What stands in the corner of a film at a control step."""
    text = f"{(step + 1) * dt:.1f} s   phase {phase:.2f}   reward {reward:.2f}"
    return f"{clip}\n{text}" if clip else text


def write_video(path: Path, env: Any, traces: list[Any], **options: Any) -> bool:
    """Draw traces one after the other, character beside reference, into an MP4.

    Args:
        path: where to.
        env: of which the traces are.
        traces: at least one.
        options: see ``viewer.rendering.render_video``.

    Returns:
        Whether it could be drawn; a machine that cannot is told why, and goes without.
    """
    from animRL.viewer.files import VideoError
    from animRL.viewer.rendering import render_video

    film = cut(traces[0], len(traces[0].total))
    for trace in traces[1:]:
        for name in ("total", "poses", "reference_poses", "clips", "phases"):
            getattr(film, name).extend(getattr(trace, name))
    poses, references = poses_of(film)
    texts = captions(env, traces)
    print(f"drawing {len(texts) * env.dt:.0f} s of video", flush=True)
    try:
        render_video(path, env.character, poses, references, env.dt, captions=texts, **options)
    except VideoError as error:
        print(f"no video: {error}")
        return False
    return True


def write_gif(path: Path, env: Any, trace: Any, first: int, last: int) -> None:
    """Draw a stretch of a trace as a small looping picture."""
    from animRL.viewer.files import VideoError
    from animRL.viewer.rendering import render_gif

    poses, references = poses_of(trace, first, last)
    try:
        render_gif(path, env.character, poses, references, env.dt)
    except VideoError as error:
        print(f"no animation: {error}")


def _stacked(rows: list[tuple[Any, ...]], column: int) -> Any:
    import torch

    return torch.stack([row[column] for row in rows])
