"""Describes a model in words: its card, its figures, its predictors."""
