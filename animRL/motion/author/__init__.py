"""Motions from short descriptions: keyframes and plants, made physical by optimisation."""
