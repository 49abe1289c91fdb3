"""The sub-commands of scripts/motion.py, one module each."""
