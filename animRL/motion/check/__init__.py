"""Whether a motion clip can work on a character: checks, their report, and what can be mended."""
