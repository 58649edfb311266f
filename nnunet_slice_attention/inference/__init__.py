"""Whole-volume prediction: every slice encoded once, with all its neighbours."""
