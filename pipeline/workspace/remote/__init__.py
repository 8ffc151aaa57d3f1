"""Fetches files and folders from servers and storages, publishes folders there, and hides secrets in what is said of them."""
