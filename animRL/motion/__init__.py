"""Offline tools that make and mend motion clips."""
