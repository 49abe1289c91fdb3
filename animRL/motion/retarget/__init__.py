"""From the motion of one skeleton to that of another character."""
