"""The report on a dataset: statistics, treemaps, and one HTML page that shows them."""
