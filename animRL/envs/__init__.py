"""The vectorised imitation task."""
