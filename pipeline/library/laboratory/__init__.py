"""Brings measurements from a laboratory into the library."""
