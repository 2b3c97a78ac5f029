"""Folds the outlets and the decisions into Redis."""
