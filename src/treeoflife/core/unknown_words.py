"""Words that stand in a name's place where nobody knows the name."""

UNKNOWN = frozenset(
    {
        "", "unknown", "unidentified", "not_classified", "not classified", "notclassified", "pleasehelp",
        "please help", "undetermined", "undet", "undet.", "indet", "indet.", "indeterminate", "none", "nan", "null",
        "n/a", "na", "unassigned", "unclassified", "unspecified", "incertae sedis", "incertae_sedis", "undef",
        "undefined", "unnamed", "no name", "other", "not applicable", "not assigned", "unranked", "missing", "tbd",
        "environmental sample", "environmental samples",
        "#n/a", "#name?", "#ref!", "#value!", "#div/0!", "#null!", "#num!",
    }
)  # fmt: skip
"""What providers, and spreadsheets where a formula fails, write in a rank that nobody knows: in lower case and without
brackets."""
_BRACKETS = "()[]{}\"'“”‘’?*_-–—.,;: "


def is_unknown(value: str) -> bool:
    """Whether a rank's value only says that nobody knows it.

    >>> is_unknown("(Unidentified)"), is_unknown("Unio")
    (True, False)
    """
    lowered = value.lower()
    return lowered in UNKNOWN or lowered.strip(_BRACKETS) in UNKNOWN
