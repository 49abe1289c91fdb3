"""Parts of the body that pass through each other, by the character's visible shape."""

from __future__ import annotations

from animRL.motion.body_shapes import BodyShapes
from animRL.motion.check.findings import Finding, Verdict, judge
from animRL.motion.check.measures import Measures

# A limb needs longer than this to pass through another [s].
SAMPLE_SECONDS = 0.04


def check_self_collision(measures: Measures) -> Finding:
    """The deepest overlap of two bodies that neither join nor touch in the default pose."""
    name = "self-collision"
    shapes = BodyShapes(measures.character)
    if not len(shapes.pairs):
        return Finding(name, Verdict.SKIPPED, advice="the character has no shapes to compare")
    qpos = shapes.tool.to_qpos(measures.trajectory)
    every = max(1, int(SAMPLE_SECONDS / measures.trajectory.dt))
    depth, where, worst = 0.0, "", None
    for frame in range(0, len(qpos), every):
        for pair, overlap in shapes.depths(qpos[frame]):
            if overlap > depth:
                names = [shapes.tool.model.body(shapes.bodies[i]).name for i in pair]
                depth, where, worst = overlap, " - ".join(names), frame
    warn, fail = measures.thresholds.self_collision
    verdict = judge(depth, warn, fail)
    advice = "move the limb aside in the description, or retarget to this character"
    return Finding(
        name, verdict, depth, warn, "m", worst, where, "" if verdict is Verdict.OK else advice
    )
