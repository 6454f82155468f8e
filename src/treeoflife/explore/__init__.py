"""A page to look at a dataset on this computer: the tree to walk down, a search, a grid of images, and marks."""
