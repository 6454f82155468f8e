"""Files: whole, resumable, hashed, unpacked."""
