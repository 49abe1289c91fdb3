"""Packaging of animRL: `pip install -e .` is enough to run every script."""

from pathlib import Path

from setuptools import find_packages, setup

# Exact versions stand here where another version changes numbers or size: torch (a newer one pulls
# gigabytes of CUDA packages), mujoco (integrators), rsl-rl-lib (minor releases change training).
# Everything else is pinned in constraints.txt.
REQUIRED = [
    "torch==2.13.0",
    "numpy",
    "scipy",  # contact forces, for the torques that a clip's motion takes
    "mujoco==4.0.0",
    "rsl-rl-lib==5.5.1",  # brings tensorboard and tensordict
    "wandb",
    "matplotlib",  # brings pillow
    "imageio-ffmpeg",
]

EXTRAS = {
    # The last two: the worker of Isaac Gym is checked against its signatures, and as Python 3.8.
    "dev": ["pytest", "ruff", "mypy", "isaacgym-stubs", "vermin"],
    "motion": ["mink", "daqp"],  # daqp: the solver that mink is given
    "gpu": ["mujoco-warp==4.0.0", "warp-lang"],
    "viewer": ["viser"],
    "browser": ["playwright"],  # drives an installed Chromium in tests of the page
}

setup(
    name="animRL",
    version="0.1.0",
    description="Physics-based character animation: a simulated character learns to move like a "
    "motion clip, on a plain laptop or on a GPU",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="animRL contributors",
    license="MIT",
    license_files=["LICENSE"],
    keywords=["character animation", "reinforcement learning", "imitation", "MuJoCo", "PPO"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    python_requires=">=3.11",  # mujoco 4.0.0 asks for it
    packages=find_packages(include=["animRL", "animRL.*"]),
    package_data={"animRL": ["resources/**/*"]},
    install_requires=REQUIRED,
    extras_require=EXTRAS,
)
