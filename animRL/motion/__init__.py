"""Tools that make and mend motion clips, and the torques that a clip takes.

A clip from elsewhere passes `importers` (a file's motion on its own skeleton), `retarget` (onto a
character), `edit` (trim, mirror, retime, blend, close the loop, put on the floor) and `check`
(whether it can work, and what can be mended). A clip from nothing passes `author` (a description
made physical; `gait` draws its walk) and the same `check`.

Imports run downwards only. At the bottom `rotations`, `runs`, `extras` and `progress`; then
`trajectory` (poses over time, and their clip), `ground` and `model`, `dynamics` and `body_shapes`;
beside them `anatomy` (roles of joints), `skeleton_character` and `inverse_kinematics`. `edit`,
`importers`, `gait` and `retarget` stand on these and do not know each other; `check` uses `edit` to
mend, `author` uses `edit`, `gait` and the contact detection of `retarget`, `feedforward` (the
torques) uses the forces of `check`. Nothing outside of motion/ imports it but the scripts, and
`tasks.py`, which hands `feedforward` to the tasks; it needs nothing of the extra ``motion``.
"""
