"""Images that are the same picture: found by bytes, pixels and perceptual hashes, over all sources."""
