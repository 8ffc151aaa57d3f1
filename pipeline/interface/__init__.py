"""The functions of `import pipeline as mg`: they take names of models, tables and workspaces, and show their progress."""
