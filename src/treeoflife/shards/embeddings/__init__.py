"""Embeddings: what a model for images makes of each image, as a vector. Similar images have similar vectors."""
