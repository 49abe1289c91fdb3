"""Motion clips: the file format, validation, and all clips in one tensor."""
