"""Labels as people write them -> genus, epithets, author: one function for every way in."""
