"""Turns any string or mol block into a molecule in its standard form, or into a rejection with its reason."""
