"""Sources of images. Each is one file here, or an entry point ``treeoflife.sources`` of another package."""
