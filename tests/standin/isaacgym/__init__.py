"""A stand-in for Isaac Gym in tests: the calls that animRL makes, MuJoCo underneath.

Names and signatures are those of Isaac Gym Preview 4. It is as strict as the real one, and where
the real one goes on with wrong numbers it raises ``Misuse``. It says nothing about PhysX.
"""
