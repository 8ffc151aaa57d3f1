"""The pages of the candidate library."""
