"""Configurations of physics engines, one file each."""
