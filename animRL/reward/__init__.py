"""Reward terms as pure functions of the data dictionary."""
