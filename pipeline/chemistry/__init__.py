"""What can be said of one molecule or of a set of molecules: RDKit only."""
