"""Motions of other formats as clips: DeepMimic, BVH, AMASS/SMPL, CSV and npz."""
