"""WebDataset shards: captions, the plan of what goes where, packing, and checking."""
