"""Tables that list images on the web: their formats, and what their columns mean."""
