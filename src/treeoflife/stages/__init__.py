"""The stages: what each would do now, and doing it. :mod:`treeoflife.pipeline` puts them in order."""
