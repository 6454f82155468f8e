"""Common names: whose there are, which a taxon gets, and how one is cleaned."""
