"""The configured taxonomies: EOL's tree, iNaturalist's archive, the tables beside them, GNVerifier."""
