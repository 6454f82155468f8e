"""Handing a dataset on: its card, its Croissant description, and the upload to the Hub."""
