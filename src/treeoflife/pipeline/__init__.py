"""The stages in order, what is stale and why, and running them."""
