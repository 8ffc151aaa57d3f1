"""Finds how a table is laid out: its delimiter, its header, and which column is for what."""
