"""Proposes groups for a scaffold that is kept, from a model's molecules and from its decoder."""
