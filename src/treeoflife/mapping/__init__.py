"""The mapping: the ids of all images and their splits, in SQLite or Parquet."""
