"""Whole-volume prediction: each slice is encoded once and has all its neighbours."""
