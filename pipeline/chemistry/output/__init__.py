"""Draws molecules, and writes tables of them to files."""
