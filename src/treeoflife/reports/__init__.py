"""What came of a dataset, for people: statistics, treemaps and one page that shows it all."""
