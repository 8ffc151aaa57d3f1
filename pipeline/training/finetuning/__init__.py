"""Goes on from a finished model: chooses it, and shows its own molecules again."""
