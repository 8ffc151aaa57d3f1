"""Draws molecules from a model until enough of them are as asked for."""
