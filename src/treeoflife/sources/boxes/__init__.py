"""Boxes in photographs, each of which is an image."""
