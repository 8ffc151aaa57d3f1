"""Computes what RDKit tells of one molecule or of a set of molecules, and changes their structures."""
