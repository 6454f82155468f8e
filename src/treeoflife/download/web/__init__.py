"""Requests: connections, redirects, what a response is."""
