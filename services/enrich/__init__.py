"""Finds where a report happened."""
