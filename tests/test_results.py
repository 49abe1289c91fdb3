"""What lies in results/: each policy was made by the commands that its README gives."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from animRL.runner.rsl_config import decay_iterations
from animRL.runner.run_config import read_task
from animRL.scripts.cli import Parser, add_common_arguments, apply_overrides, load_configurations
from animRL.tasks import make_env_cfg, make_train_cfg
from animRL.utils.paths import REPO_ROOT, RESOURCES

POLICIES = sorted(path.parent for path in (REPO_ROOT / "results").glob("*/model.pt"))


@pytest.mark.parametrize("folder", POLICIES, ids=lambda folder: folder.name)
def test_the_commands_of_a_policy_give_its_settings(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    parser = Parser("", "")
    add_common_arguments(parser)
    commands = re.findall(r"^python scripts/train\.py (.*)$", text, re.MULTILINE)
    assert commands
    env_cfg = train_cfg = None
    for command in commands:
        args = parser.parse_args(shlex.split(command))
        if not args.resume:
            env_cfg, train_cfg = make_env_cfg(args.task), make_train_cfg(args.task)
        assert env_cfg is not None and train_cfg is not None
        apply_overrides(env_cfg, train_cfg, args)
    assert env_cfg is not None and train_cfg is not None
    task = read_task(folder)
    assert task == args.task
    made_env_cfg, made_train_cfg = load_configurations(task, folder)
    assert decay_iterations(train_cfg) == decay_iterations(made_train_cfg)
    for cfg, made in ((env_cfg, made_env_cfg), (train_cfg, made_train_cfg)):
        own, its = dict(cfg.leaves()), dict(made.leaves())
        free = {"env.num_envs", "algorithm.decay_iterations", "runner.run_name"}
        free |= {"runner.video_interval"}  # nothing is learned from films
        for name in {"character.asset", "motion_loader.motion_files"} & set(its):
            files = its[name] if isinstance(its[name], list) else [its[name]]
            inside = [str(Path(file).relative_to(RESOURCES)) for file in files]
            its[name] = inside if isinstance(its[name], list) else inside[0]
        assert {k: v for k, v in own.items() if its[k] != v and k not in free} == {}
