"""Finds molecules of the library: by id, structure, values and status, page by page."""
