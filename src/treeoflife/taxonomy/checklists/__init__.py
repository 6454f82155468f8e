"""Taxonomies of any size: their formats, read once into tables of Parquet that resolving reads."""
