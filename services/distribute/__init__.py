"""Decides who should hold what, and owes the difference."""
