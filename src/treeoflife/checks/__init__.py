"""Checks of what was made, beyond the shards themselves."""
