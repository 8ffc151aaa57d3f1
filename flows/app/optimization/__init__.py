"""The page that optimizes a score."""
