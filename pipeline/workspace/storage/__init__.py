"""Keeps folders and results on this disk: written whole, locked, verified, shared, measured."""
