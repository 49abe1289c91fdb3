"""What all imitation tasks have in common; a task overrides what differs."""

from __future__ import annotations

from animRL.cfg.base_config import BaseConfig
from animRL.cfg.characters.bob_config import BobConfig
from animRL.cfg.sim.isaac_gym_config import IsaacGymConfig
from animRL.cfg.sim.mujoco_config import MujocoConfig
from animRL.cfg.sim.warp_config import WarpConfig
from animRL.cfg.validators import (
    DEVICE,
    NAME,
    NO_NAME,
    Choice,
    KernelTerm,
    Length,
    OptionalOf,
    Range,
)


class MimicConfig(BaseConfig):
    """The environment: character, engine, motion, episode, rewards."""

    class env:
        """Size of the task."""

        num_envs = None
        """Environments stepped together; None: 512 on the CPU, 4096 with a GPU engine."""
        episode_length = 300
        """Control steps until an episode times out (50 a second)."""
        spacing = 2.0
        """Distance between the origins of neighbouring environments [m]."""
        _valid = {
            "num_envs": OptionalOf(int, Range(1, 1_000_000)),
            "episode_length": Range(1, 1_000_000),
            "spacing": Range(0.0, 100.0),
        }

    class character(BobConfig):
        """Who moves."""

    class sim:
        """Which physics engine, and its time step."""

        engine = "auto"
        """"auto": the best engine of this machine."""
        device = "auto"
        """"auto": a GPU for the engines "warp" and "isaacgym" where there is one, else the CPU."""
        dt = 0.005
        """Physics time step [s]."""
        substeps = 4
        """Physics steps in a control step."""
        threads = 0
        """Threads of the CPU engine; 0: one per core."""
        window = False
        """Whether an engine with a window of its own opens it; train.py and eval.py say so by
        --dv."""
        _valid = {
            "dt": Range(1e-5, 0.1),
            "substeps": Range(1, 1000),
            "threads": Range(0, 256),
            "device": DEVICE,
        }

        class mujoco(MujocoConfig):
            """The engine "mujoco"."""

        class warp(WarpConfig):
            """The engine "warp"."""

        class isaacgym(IsaacGymConfig):
            """The engine "isaacgym"."""

    class motion_loader:
        """Which motion, and how it is read."""

        motion_files = ["datasets/bob3/Walk.txt"]
        """Paths or patterns, from here, from animRL/resources or from the repository."""
        loop = None
        """Whether the clip repeats; None: what the file says."""
        height_offset = 0.0
        """Added to the root's height in every frame [m]."""
        refill_end_effectors = True
        """Compute end effectors from the joints instead of taking those of the file."""
        _valid = {
            "motion_files": Length(1, 1000),
            "loop": OptionalOf(bool),
            "height_offset": Range(-10.0, 10.0),
        }

    class init_state:
        """How an episode starts."""

        reference_state_initialisation = True
        """Start on the clip at a random phase (RSI); else standing in the default pose."""
        phase_sampling = "uniform"
        """With RSI: "uniform"; "failures": more often shortly before where episodes fail."""
        failure_share = 0.5
        """With phase_sampling "failures": share of the starts that go by failures, the rest are
        uniform."""
        height_clearance = 0.0
        """With RSI: the root starts this far above the frame [m]."""
        root_height = 0.9
        """Without RSI: height of the root [m]."""
        joint_scale = [0.8, 1.2]
        """Without RSI: the default pose times a random factor from this range."""
        joint_noise = 0.05
        """Uniform noise on the joint angles, +- [rad]."""
        root_velocity_noise = 0.2
        """Uniform noise on the root's linear velocity, +- [m/s]."""
        _valid = {
            "phase_sampling": Choice("uniform", "failures"),
            "failure_share": Range(0.0, 1.0),
            "height_clearance": Range(-1.0, 1.0),
            "root_height": Range(0.0, 10.0),
            "joint_scale": Range(0.0, 10.0),
            "joint_noise": Range(0.0, 3.2),
            "root_velocity_noise": Range(0.0, 10.0),
        }

    class disturbances:
        """What happens to the character in training, so that it learns to bear it."""

        push_interval = 0.0
        """Mean time between two pushes at the root [s]; 0: never."""
        push_duration = 0.2
        """Of a push [s]."""
        push_force = 200.0
        """Largest force of a push, horizontal [N]; directions and forces are random."""
        _valid = {
            "push_interval": Range(0.0, 1e4),
            "push_duration": Range(0.001, 10.0),
            "push_force": Range(0.0, 1e5),
        }

    class control:
        """From actions to joint targets: offset + clip(scale x action)."""

        action_scale = 0.25
        """Radians for an action of 1."""
        action_clip = 100.0
        """Largest scaled action, +- [rad]."""
        action_offset = "feedforward"
        """"default": the default pose (the course's); "reference": the target frame's pose, led
        by damping / stiffness x its joint velocities; "feedforward": that and, over the
        stiffness, the torques that the motion takes by inverse dynamics."""
        _valid = {
            "action_scale": Range(0.0, 100.0),
            "action_clip": Range(0.0, 1000.0),
            "action_offset": Choice("default", "reference", "feedforward"),
        }

    class termination:
        """When an episode ends in failure."""

        fall_contact_force = 0.1
        """Ground force on a fall body [N]."""
        max_lin_vel = 10.0
        """Of the base [m/s]."""
        max_ang_vel = 100.0
        """Of the base [rad/s]."""
        max_height = 3.0
        """Of the base, above the environment's origin [m]."""
        _valid = {
            "fall_contact_force": Range(0.0, 1e6),
            "max_lin_vel": Range(0.0, 1e6),
            "max_ang_vel": Range(0.0, 1e6),
            "max_height": Range(0.0, 1e6),
        }

        class pose_lost:
            """End early when the character is too far from its reference."""

            enabled = True
            height = 0.25
            """Of the base [m]."""
            orientation = 0.8
            """Of the base [rad]."""
            ee_height = 0.25
            """Of any end effector [m]."""
            ee_distance = 0.6
            """Of any end effector, in space [m]."""
            _valid = {
                "height": Range(0.0, 10.0),
                "orientation": Range(0.0, 3.2),
                "ee_height": Range(0.0, 10.0),
                "ee_distance": Range(0.0, 10.0),
            }

    class rewards:
        """The step's reward, out of the terms."""

        combine = "product"
        """"product" of the terms, or their "sum" by weight (as in DeepMimic)."""
        _valid = {"combine": Choice("product", "sum")}

        class weights:
            """Of terms in a sum, by name; 1 for others, all scaled to a sum of 1."""

            _open = True
            _valid = {"*": OptionalOf(float, Range(0.0, 1e6))}

        class narrowing:
            """In training, kernels get narrower as the character gets better."""

            above = 0.93
            """A kernel is narrowed after iterations in which the mean of its term is above this;
            1: never."""
            rate = 0.02
            """Share of its sigma that goes each time."""
            least = 0.25
            """Share of the sigma under ``terms`` that stays."""
            _valid = {
                "above": Range(0.0, 1.0),
                "rate": Range(0.0, 1.0),
                "least": Range(0.001, 1.0),
            }

        class terms:
            """Name of a ``REWARDS.reward_<name>`` method: [sigma, tolerance], in its unit."""

            track_base_height = [0.15, 0.0]
            track_base_orientation = [0.4, 0.0]
            track_joint_pos = [1.0, 0.0]
            track_base_vel = [1.5, 0.0]
            track_ee_pos = [0.25, 0.0]
            joint_targets_rate = [30.0, 0.0]
            _open = True
            _valid = {"*": KernelTerm()}


class MimicTrainConfig(BaseConfig):
    """PPO and the run."""

    class runner:
        """The run: length, logging, checkpoints."""

        seed = 1
        max_iterations = 400
        num_steps_per_env = 24
        """Control steps of every environment in one iteration."""
        save_interval = 50
        """Iterations between two checkpoints."""
        keep_last = 5
        """How many of the newest checkpoints stay."""
        keep_every = 200
        """Checkpoints of every so many iterations stay as well; 0: none. The best always does."""
        eval_interval = 25
        """Iterations between two deterministic evaluations; 0: never."""
        video_interval = 50
        """Iterations between two videos; 0: never."""
        reward_scale = 0.05
        """What PPO sees of the reward: with a discount of 0.99 returns reach 100 x this."""
        experiment_name = "bob"
        run_name = ""
        threads = 0
        """Threads of torch; 0: torch's own choice."""
        _valid = {
            "seed": Range(0, 2**31 - 1),
            "max_iterations": Range(1, 10_000_000),
            "num_steps_per_env": Range(1, 10_000),
            "save_interval": Range(1, 10_000_000),
            "keep_last": Range(1, 10_000_000),
            "keep_every": Range(0, 10_000_000),
            "eval_interval": Range(0, 10_000_000),
            "video_interval": Range(0, 10_000_000),
            "reward_scale": Range(1e-6, 1e6),
            "threads": Range(0, 256),
            "experiment_name": NAME,
            "run_name": NO_NAME,
        }

    class policy:
        """Networks of actor and critic."""

        hidden_dims = [256, 128]
        activation = "elu"
        obs_normalization = True
        phase_harmonics = 4
        """Sines and cosines of this many multiples of the phase are inputs; 0: none."""
        phase_bins = 50
        """Bins of the phase in which the usual observation is kept; the deviation from it is an
        input; 0: it is not. Several clips share them, and clips of many seconds want more."""
        phase_memory = 10
        """Iterations over which the usual observation is a mean."""
        init_std = 0.3
        """Initial standard deviation of the actions."""
        final_std = 0.1
        """Theirs after ``algorithm.decay_iterations``, reached linearly, and from then on; None: it
        is learned, or stays, as ``learn_std`` says."""
        learn_std = True
        _valid = {
            "hidden_dims": (Length(1, 16), Range(1, 16_384)),
            "phase_harmonics": Range(0, 100),
            "phase_bins": Range(0, 10_000),
            "phase_memory": Range(1, 1_000_000),
            "init_std": Range(1e-3, 10.0),
            "final_std": OptionalOf(float, Range(1e-3, 10.0)),
            "activation": Choice("elu", "relu", "tanh", "selu", "lrelu", "sigmoid", "gelu"),
        }

    class algorithm:
        """PPO (Schulman et al. 2017), as in rsl-rl."""

        num_learning_epochs = 3
        num_mini_batches = 16
        clip_param = 0.2
        gamma = 0.99
        lam = 0.95
        value_loss_coef = 0.5
        entropy_coef = 0.0
        learning_rate = 6e-4
        final_learning_rate = 5e-5
        """With schedule "linear": the rate after ``decay_iterations``, and from then on."""
        decay_iterations = None
        """Iterations over which the rate and the actions' spread fall; None: the whole training,
        so that a longer one learns on."""
        schedule = "linear"
        """Of the learning rate: "fixed", "linear", or "adaptive" to ``desired_kl``."""
        desired_kl = 0.01
        max_grad_norm = 1.0
        use_clipped_value_loss = False
        _valid = {
            "num_learning_epochs": Range(1, 100),
            "num_mini_batches": Range(1, 10_000),
            "clip_param": Range(0.0, 1.0),
            "gamma": Range(0.0, 1.0),
            "lam": Range(0.0, 1.0),
            "value_loss_coef": Range(0.0, 100.0),
            "entropy_coef": Range(0.0, 1.0),
            "learning_rate": Range(0.0, 1.0),
            "final_learning_rate": Range(0.0, 1.0),
            "decay_iterations": OptionalOf(int, Range(1, 10_000_000)),
            "schedule": Choice("fixed", "linear", "adaptive"),
            "desired_kl": Range(0.0, 1.0),
            "max_grad_norm": Range(0.0, 1e6),
        }
