"""Duplicate images across all sources: candidates by perceptual hash, comparison by pixels, groups, and their ids."""
