"""The kinds of addresses that may stand in place of a path."""

SCHEMES = ("s3", "gs", "az", "hf", "http", "https")
"""Those that can be read from."""
WRITABLE = ("s3://", "gs://", "az://")
"""How the addresses begin that can be written to."""


def is_address(text: str) -> bool:
    """Whether a text is an address, and no path of a file; one slash is enough, since pathlib takes two for one.

    >>> is_address("s3://trees/oaks"), is_address("s3:/trees"), is_address("C:/trees"), is_address("trees/s3:/")
    (True, True, False, False)
    """
    return ":/" in text and text.partition(":/")[0] in SCHEMES
