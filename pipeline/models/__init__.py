"""Models: a trained model on disk and in hand, its molecules, sampling from it."""
