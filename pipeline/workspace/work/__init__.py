"""Runs work in processes or on a cluster, and stops it at a Ctrl-C with what is there."""
