"""Scores of inpainted frames, and their means over sequences."""
