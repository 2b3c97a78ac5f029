"""Finds which incident a report belongs to."""
