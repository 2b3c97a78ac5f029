"""Accepts what partners submit."""
