"""Knows the molecules that a model was trained on: kept ones, hashes, sizes, and what is usual among them."""
