"""Benchmarks: hold-out sets made from a dataset's sources, and images of anybody's benchmark found in it."""
