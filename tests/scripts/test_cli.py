"""The options all scripts share, and how a script ends."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

import pytest

from animRL.cfg.base_config import BaseConfig, ConfigError
from animRL.cfg.validators import KernelTerm, OptionalOf, Range
from animRL.scripts import cli
from animRL.utils.errors import InputError


class EnvConfig(BaseConfig):
    class env:
        num_envs = 8
        _valid = {"num_envs": Range(1, 100)}

    class sim:
        engine = "mujoco"
        device = "cpu"

    class motion_loader:
        motion_files = ["walk.txt"]

    class rewards:
        class terms:
            _open = True
            _valid = {"*": KernelTerm()}
            track_ee_pos = [0.4, 0.0]

    class shared:
        a = 1


class TrainConfig(BaseConfig):
    class runner:
        seed = 1
        max_iterations = 500
        run_name = "walk"
        experiment_name = "bob"
        limit = None
        _valid = {"limit": OptionalOf(float)}

    class algorithm:
        learning_rate = 1e-3

    class shared:
        b = 2


def parse(*argv, only=cli.TRAIN_OPTIONS):
    parser = cli.Parser("Train.", "python scripts/train.py --task=walk --dv")
    cli.add_common_arguments(parser, only)
    return parser.parse_args(list(argv))


def overridden(*argv):
    env_cfg, train_cfg = EnvConfig(), TrainConfig()
    cli.apply_overrides(env_cfg, train_cfg, parse(*argv))
    return env_cfg, train_cfg


def test_nothing_typed_means_none():
    args = vars(parse())
    assert args.pop("task") == "walk"
    assert set(args) == set(cli.TRAIN_OPTIONS) - {"task"}
    assert all(value is None for value in args.values())


def test_nothing_typed_overrides_nothing():
    assert overridden() == (EnvConfig(), TrainConfig())


def test_what_is_typed_overrides():
    env_cfg, train_cfg = overridden(
        *("--motion", "my.txt", "--sim=kinematic", "--device", "cuda:0", "--num_envs", "3"),
        *("--seed", "0", "--max_iterations=7", "--run_name", "123", "--experiment_name", "x"),
    )
    assert env_cfg.motion_loader.motion_files == ["my.txt"]
    assert (env_cfg.sim.engine, env_cfg.sim.device) == ("kinematic", "cuda:0")
    assert env_cfg.env.num_envs == 3
    runner = train_cfg.runner
    assert (runner.seed, runner.max_iterations, runner.run_name) == (0, 7, "123")
    assert runner.experiment_name == "x"


def test_a_motion_file_as_plain_text():
    class OneFile(EnvConfig):
        class motion_loader:
            pass

    class PlainConfig(BaseConfig):
        class motion_loader:
            motion_files = "walk.txt"

    for config, expected in ((OneFile(), ["1"]), (PlainConfig(), "1")):
        cli.apply_overrides(config, None, argparse.Namespace(motion="1"))
        assert config.motion_loader.motion_files == expected


def test_flags():
    args = parse("--dv", "--dr", "--wb", "--resume", "--debug", "--load_run", "-1")
    assert args.dv and args.dr and args.wb and args.resume and args.debug
    assert args.load_run == "-1"
    assert parse("--checkpoint", "-1").checkpoint == -1
    assert parse("--load_run=results/walk").load_run == "results/walk"


@pytest.mark.parametrize(
    "argv",
    [
        ("--set", "env.num_envs=4", "--set", "algorithm.learning_rate=1e-4"),
        ("--set", "env.num_envs=4", "algorithm.learning_rate=1e-4", "--dv"),
        ("--set=env.num_envs=4", "--set=train.algorithm.learning_rate=1e-4"),
    ],
)
def test_set_reaches_both_configurations(argv):
    env_cfg, train_cfg = overridden(*argv)
    assert env_cfg.env.num_envs == 4
    assert train_cfg.algorithm.learning_rate == 1e-4


def test_set_comes_after_the_options():
    env_cfg, _ = overridden("--set", "env.num_envs=4", "--num_envs", "9")
    assert env_cfg.env.num_envs == 4


def test_set_terms_and_values_with_an_equals_sign():
    env_cfg, train_cfg = overridden(
        "--set", "rewards.terms.track_ee_pos=[0.3,0.0]", "rewards.terms.new=[1, 0]"
    )
    assert env_cfg.rewards.terms.to_dict() == {"track_ee_pos": [0.3, 0.0], "new": [1.0, 0.0]}
    _, train_cfg = overridden("--set", "runner.run_name=a=b", "runner.limit=2")
    assert (train_cfg.runner.run_name, train_cfg.runner.limit) == ("a=b", 2.0)


def test_set_in_a_group_that_both_have():
    env_cfg, train_cfg = overridden("--set", "shared.a=5", "shared.b=6")
    assert (env_cfg.shared.a, train_cfg.shared.b) == (5, 6)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--set", "env.num_env=4"), "env.num_env: no such setting; valid: num_envs (did"),
        (("--set", "algorithm.learning_rat=4"), "did you mean learning_rate?"),
        (("--set", "rewrads.terms.x=[1,0]"), "did you mean rewards?"),
        (("--set", "env.num_envs"), "--set: expected PATH=VALUE, got 'env.num_envs'"),
        (("--set", "=3"), "--set: expected PATH=VALUE, got '=3'"),
        (("--set", "train.env.num_envs=3"), "env: no such setting; valid: runner"),
        (("--num_envs", "0"), "env.num_envs: expected a number in [1, 100], got 0"),
    ],
)
def test_wrong_overrides_are_told_in_one_line(argv, message):
    with pytest.raises(ConfigError) as caught:
        overridden(*argv)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_without_a_training_configuration():
    env_cfg = EnvConfig()
    args = parse("--set", "env.num_envs=4", only=("task", "set"))
    cli.apply_overrides(env_cfg, None, args)
    assert env_cfg.env.num_envs == 4
    with pytest.raises(ConfigError, match="algorithm: no such setting"):
        cli.apply_overrides(env_cfg, None, parse("--set", "algorithm.learning_rate=1"))


def test_subsets_of_options():
    assert not hasattr(parse(only=cli.EVAL_OPTIONS), "max_iterations")
    assert set(cli.EVAL_OPTIONS) <= set(cli.TRAIN_OPTIONS)


def test_a_motion_that_is_there_is_found_again_from_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.txt").write_text("{}")
    env_cfg, _ = overridden("--motion", "my.txt")
    assert env_cfg.motion_loader.motion_files == [str(tmp_path / "my.txt")]


def test_several_motions_and_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.txt", "c[1].txt"):
        (tmp_path / name).write_text("{}")
    env_cfg, _ = overridden("--motion", "[ab].txt", "c[1].txt", "datasets/*/Walk.txt", "--seed=3")
    here = [str(tmp_path / name) for name in ("a.txt", "b.txt", "c[1].txt")]
    assert env_cfg.motion_loader.motion_files == [*here, "datasets/*/Walk.txt"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["--num_env", "3"],
            "error: unrecognized arguments: --num_env 3 (did you mean --num_envs?)",
        ),
        (["--num-envs=3"], "(did you mean --num_envs?)"),
        (["--num_envs", "many"], "error: argument --num_envs: invalid int value: 'many'"),
        (["--zzz"], "error: unrecognized arguments: --zzz (see --help)"),
        (["stray"], "error: unrecognized arguments: stray"),
    ],
)
def test_parser_errors_are_one_line_and_exit_2(argv, message, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(*argv)
    assert caught.value.code == 2
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1


def test_help_has_an_example_and_all_options(capsys):
    with pytest.raises(SystemExit) as caught:
        parse("--help")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "example:\n  python scripts/train.py --task=walk --dv" in text
    assert all(f"--{name}" in text for name in cli.TRAIN_OPTIONS)


# how a script ends


def end(main, argv=()):
    with pytest.raises(SystemExit) as caught:
        cli.run_main(main, list(argv))
    return caught.value.code


def raising(error):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize("code", [0, 1])
def test_exit_code_of_main(code):
    assert end(lambda argv: code) == code


def test_main_gets_the_arguments():
    assert end(lambda argv: len(argv) - 2, ["a", "b"]) == 0


@pytest.mark.parametrize("error", [InputError("no\nsuch file"), ConfigError("no such file")])
def test_bad_input_is_one_line_and_exit_2(error, capsys):
    assert end(raising(error)) == 2
    assert capsys.readouterr().err == "error: no such file\n"


def test_debug_shows_the_traceback(capsys):
    assert end(raising(InputError("no such file")), ["--debug"]) == 2
    text = capsys.readouterr().err
    assert "Traceback" in text and text.endswith("\nerror: no such file\n")


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        cli.run_main(raising(ZeroDivisionError()), [])


def test_a_pipe_that_is_not_the_output_is_a_defect():
    with pytest.raises(BrokenPipeError):
        cli.run_main(raising(BrokenPipeError()), [])


def test_interrupt_and_termination(capsys):
    assert end(raising(KeyboardInterrupt())) == 130
    before = signal.getsignal(signal.SIGTERM)
    cleaned = []

    def main(argv):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.sigtimedwait([], 5)
            return 0
        finally:
            cleaned.append(True)

    assert end(main) == 143
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_closed_pipe_is_quiet():
    code = (
        "from animRL.scripts.cli import run_main\n"
        "def main(argv):\n"
        "    for _ in range(100000): print('x' * 50)\n"
        "    return 0\n"
        "run_main(main)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 141
    assert error == b""


def test_git_is_quiet():
    assert os.environ["GIT_PYTHON_REFRESH"] == "quiet"
