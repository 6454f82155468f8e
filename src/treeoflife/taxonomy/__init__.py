"""Names of living things: parsing them, the providers' hierarchies, common names, and resolving one name per image."""
