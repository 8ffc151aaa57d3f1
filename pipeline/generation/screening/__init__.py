"""Chooses molecules that are worth measuring from a given library."""
