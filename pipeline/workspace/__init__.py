"""Holds folders, look-up, the registry of data sets, parallel work, progress and the base of settings: no chemistry."""
