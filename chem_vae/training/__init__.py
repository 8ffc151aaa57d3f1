"""Trains a model: the loss, the step, what watches it, and the files to go on from."""
