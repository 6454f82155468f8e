"""A folder of photographs: its table, or names from its folders."""
