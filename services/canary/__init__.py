"""Measures the whole way as a partner would."""
