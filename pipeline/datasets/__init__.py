"""From a file of molecules to a dataset folder."""
