"""Finds in the first rows of a table where its header is, and which column holds the molecules."""
