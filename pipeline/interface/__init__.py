"""What `import pipeline as mg` offers where a person types: names of models, tables and workspaces as one has them, and progress shown."""
