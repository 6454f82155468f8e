"""Images: decode, resize, encode, and the store of what came out."""
