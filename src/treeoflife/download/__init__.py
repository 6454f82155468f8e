"""Fetching what a build needs: the list of components, resumable downloads, unpacking, images from EOL's manifest."""

from __future__ import annotations
