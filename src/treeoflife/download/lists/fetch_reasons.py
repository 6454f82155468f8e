"""Why an address gave no image: a small set of words, and which of them may have passed by the next build."""

import re

PASSING_REASONS = {
    "no-dns": "the name of the host could not be looked up",
    "no-answer": "the host did not answer, or its answer broke off or came far too slowly",
    "host-down": "not asked: the host had not answered many requests before",
    "host-refused": "the host refused many requests in a row (401, 403, 429 or 451), and was asked no more",
    "host-busy": "not asked: the host wants its next request only after a long time",
    "no-robots": "the host's robots.txt could not be read: its server has only errors for it",
    "incomplete": "the body lacks its end",
    "http-408": "the host timed out",
    "http-425": "the host asks to come again",
    "http-429": "the host asks for fewer requests",
    "http-5xx": "the host has an error (the status is in the reason: http-500, http-503 ...)",
}
"""Reasons that may have passed: such an address is asked again by the next build."""

PERMANENT_REASONS = {
    "bad-address": "the address is none that can be requested",
    "bad-redirect": "a redirect leads in circles, to no address, or into a network that is not public",
    "robots": "the host's robots.txt forbids it",
    "noai": "the host's header X-Robots-Tag forbids its use for machine learning",
    "http-404": "there is nothing at the address",
    "http-410": "the image was removed",
    "http-4xx": "the host refuses the request (the status is in the reason: http-400, http-403 ...)",
    "too-many-bytes": "the file is larger than max_bytes",
    "not-an-image": "the file is a page, a document, empty, or of a format that is not read",
    "compressed": "the host sends the file compressed although the request excludes that",
    "placeholder": "a picture that says that there is none, or one of a few pixels",
}
"""Reasons that do not pass: such an address is asked again only if the user wishes it."""

PASSING_PATTERN = "^(" + "|".join(PASSING_REASONS).replace("http-5xx", "http-5[0-9][0-9]") + ")$"
"""A regular expression of the passing reasons, also for SQL."""


def is_passing(reason: str) -> bool:
    """Whether the next build asks an address again that failed for ``reason``.

    >>> is_passing("http-503"), is_passing("no-dns"), is_passing("http-404"), is_passing("http-429")
    (True, True, False, True)
    """
    return re.fullmatch(PASSING_PATTERN, reason) is not None


NOT_ASKED = "not-asked"
"""The reason of an image whose address was not asked yet."""

UNANSWERED = ("no-dns", "no-answer", "host-down")
"""Reasons for which the network of this computer may be to blame."""

REFUSED = ("http-401", "http-403", "http-451")
"""Reasons of single images that are those of the host if it refuses whatever it is asked."""
