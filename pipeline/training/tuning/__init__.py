"""Searches for good settings of a training with Optuna."""
