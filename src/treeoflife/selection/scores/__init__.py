"""Scores of images from outside: reading their tables, and the rules that are written over them."""
