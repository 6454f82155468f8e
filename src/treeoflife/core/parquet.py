"""How large files of Parquet are written."""

ROW_GROUP_SIZE = 122_880
"""Rows of a row group, which is read and written as a whole: that of DuckDB."""
COMPRESSION_LEVEL = 1
"""Of zstd: the default takes a third more time to write, and 2 % less disk."""
