"""The mapping: every image of every source, its id and its split, in ``mapping.sqlite``."""
