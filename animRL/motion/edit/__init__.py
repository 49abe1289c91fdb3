"""Edits of a motion: each a pure function from trajectory to trajectory."""
