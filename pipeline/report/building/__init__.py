"""Builds the report of a generation or an optimization from its results."""
