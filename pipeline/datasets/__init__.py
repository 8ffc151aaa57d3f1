"""Turns a file of molecules into a dataset folder, and reads one."""
