"""Runs flows on a schedule: serves them, deploys them to a work pool, and minds the Prefect server."""
