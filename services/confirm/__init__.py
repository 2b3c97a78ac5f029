"""Tells an originator when the end of its consent has reached everybody."""
