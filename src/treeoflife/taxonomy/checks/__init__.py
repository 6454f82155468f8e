"""check-taxa: wrong labels in a catalog."""
