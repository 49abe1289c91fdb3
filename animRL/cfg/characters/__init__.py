"""Configurations of characters, one file each."""
