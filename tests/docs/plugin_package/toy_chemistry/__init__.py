"""Additions to chem-vae from another package: one module for each entry point."""
