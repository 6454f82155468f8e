"""dataset.toml: the models of its tables, its template, and the paths of a dataset."""
