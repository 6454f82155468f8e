"""Files, locks, archives and tables: what knows nothing of images or names."""
