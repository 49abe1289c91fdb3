"""Configuration classes; plain values only."""
