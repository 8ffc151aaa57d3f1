"""Checks a run before its work begins, and its hits afterwards."""
