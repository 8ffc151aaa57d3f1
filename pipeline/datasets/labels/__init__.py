"""Reads measured columns as labels: numbers, bounds, classes, units and logarithms, with every cell counted."""
