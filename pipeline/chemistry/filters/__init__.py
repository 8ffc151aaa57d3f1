"""Finds what a chemist would strike out: structural alerts, and structures that real molecules hardly ever have."""
