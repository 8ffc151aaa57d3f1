"""Optimization in the latent space under a budget of oracle calls."""
