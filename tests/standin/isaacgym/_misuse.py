"""What the real Isaac Gym answers by wrong numbers or a crash."""


class Misuse(RuntimeError):
    """A call that the real Isaac Gym would not have taken, or not as meant."""
