"""Chooses molecules that are worth measuring, and says how many hits to expect."""
