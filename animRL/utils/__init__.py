"""Rotations, paths, seeding, plots."""
