"""Writes and reads what is kept of runs: their folders, failures, nights, and comparisons."""
