"""Sources of images: a module for each kind (eol, inat21, bioscan, folder), and what they share."""
