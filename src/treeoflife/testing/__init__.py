"""Conformance tests for those who add a source or an engine: subclass one in a pytest module.

Needs pytest, which the package itself does not.
"""
