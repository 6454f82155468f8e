"""One classification: no taxon has two lineages."""
