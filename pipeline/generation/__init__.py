"""Generation: from a model to ranked, annotated candidates."""
