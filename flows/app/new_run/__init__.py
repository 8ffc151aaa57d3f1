"""The first page: from a dropped file to what is wanted, to a run."""
