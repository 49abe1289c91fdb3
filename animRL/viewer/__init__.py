"""Pictures and videos from states alone."""
