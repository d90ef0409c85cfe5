"""Hybrid pre-training: bootstrap loss beside the regression of hand-made descriptors."""
