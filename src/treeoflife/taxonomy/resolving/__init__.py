"""Which taxon a name means: evidence, candidates, synonyms, ranks."""
