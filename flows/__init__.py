"""Prefect flows and the command line: thin functions over `pipeline`."""
