"""Metrics and deterministic roll-outs."""
