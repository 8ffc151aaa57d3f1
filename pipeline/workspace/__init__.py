"""Folders, look-up, registry of data sets, parallel work, progress and settings: no chemistry."""
