"""Keeps folders on this disk: written whole, locked, verified, shared, measured."""
