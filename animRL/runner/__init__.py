"""Training with rsl-rl; the only folder that imports it."""
