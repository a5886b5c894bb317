"""Notations as data, and one at work on a network: its letters, numbers and indices."""
