"""Puts the stages together and writes run folders; the only room that does."""
