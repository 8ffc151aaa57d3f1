"""Runs work on processes, machines and nights, watches it, stops it and shows how far it is."""
