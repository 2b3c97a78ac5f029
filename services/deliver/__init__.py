"""Writes partners' topics from the delivery log, and nothing else does."""
