"""A web page for browsing a dataset on this computer: taxonomic tree, name search, image grid and curator's marks."""
