"""Finds and deletes what a workspace no longer needs, and verifies what it holds."""
