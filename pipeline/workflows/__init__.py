"""Workflows: the only room that puts stages together and writes run folders."""
