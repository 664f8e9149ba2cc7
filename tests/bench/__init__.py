"""Figures, measured where you are."""
