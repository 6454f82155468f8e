"""WebDataset shards: captions, the plan of what goes where, packing, checking, the catalog, reading."""
