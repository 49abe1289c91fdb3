"""Configurations of the imitation tasks."""
