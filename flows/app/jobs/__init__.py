"""The pages of jobs and runs: how far they are, what they found, and running them again."""
