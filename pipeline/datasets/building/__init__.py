"""Builds the folder of a dataset part by part, on all cores, so that it can go on after a kill."""
