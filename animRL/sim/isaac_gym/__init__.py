"""Isaac Gym Preview 4 as an engine: a worker under its own Python 3.8, and its end here."""
