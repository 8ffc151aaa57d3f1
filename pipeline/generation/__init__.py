"""From a model to ranked, annotated candidates."""
