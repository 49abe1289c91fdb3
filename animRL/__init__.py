"""animRL: a physically simulated character learns to move like a motion clip (DeepMimic)."""
