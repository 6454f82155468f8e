"""Withdrawing images: which are meant, and what is written down of them."""
