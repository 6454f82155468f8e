"""Benchmarks: hold-out sets made from a dataset's sources, and images of a benchmark found in it."""
