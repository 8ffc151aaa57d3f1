"""Fits, compares and checks the property predictors of a model that was just trained."""
