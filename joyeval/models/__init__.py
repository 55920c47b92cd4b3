"""Estimators that several nouns share."""
