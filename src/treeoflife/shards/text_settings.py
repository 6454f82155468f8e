"""Which texts a configuration adds to samples, and what they are called."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from ..config.config import Config
from ..config.tables import Wds
from ..errors import ConfigError
from ..sources.base import Source
from ..sources.columns import catalog_columns
from .captions import TEXTS
from .templates import NAME_PLACEHOLDERS, parse_template
from .texts import JSON, FurtherTexts

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST_NAME = 60
_OF_PLANS = frozenset(
    "image_row file_row rule name is_val is_train_small tar_bytes further_bytes shard source container position offset"
    " start size sha256 width height".split()
)
"""Columns of a plan and of an index of a shard beside those of the catalog."""


def named_columns(wds: Wds) -> dict[str, str]:
    """The columns of tables by the names that they have in samples and in the catalog.

    Where no name is given, it is the column's own, with ``_`` for what is no letter of ASCII, digit, ``_`` or ``-``.

    >>> named_columns(Wds(columns=("Life stage", "性别"), column_names={"性别": "sex"}))
    {'Life_stage': 'Life stage', 'sex': '性别'}

    Raises:
        ConfigError: two columns would have one name, or one that is given a name is not among the columns.
    """
    if unknown := [one for one in wds.column_names if one not in wds.columns]:
        raise ConfigError(f"[wds] column_names: {unknown[0]!r} is not among columns")
    names = [wds.column_names.get(one) or re.sub(r"[^A-Za-z0-9_-]+", "_", one).strip("_-") for one in wds.columns]
    if twice := [one for one in names if names.count(one) > 1]:
        both = " and ".join(repr(own) for name, own in zip(names, wds.columns, strict=True) if name == twice[0])
        raise ConfigError(
            f"[wds] columns: {both} would both be called {twice[0]!r}; column_names gives one another name"
        )
    return dict(zip(names, wds.columns, strict=True))


def further_texts(config: Config, sources: Sequence[Source]) -> FurtherTexts:
    """The texts that a configuration adds to samples.

    Raises:
        ConfigError: a name cannot be that of a member, is there twice or taken; or a template is none.
    """
    texts = FurtherTexts(tuple(named_columns(config.wds)), config.wds.columns_as, tuple(config.captions))
    taken = {name.lower() for name in (*_OF_PLANS, *catalog_columns(sources))}
    fixed = {suffix.removesuffix(".txt").lower() for suffix in TEXTS} | {JSON, "txt", "jpg"}
    remedy = 'column_names = {{ "{name}" = "my_{name}" }} in [wds] gives a column another'
    _check_names("[wds] columns", texts.columns, taken | fixed, remedy)
    own = {name.lower() for name in texts.columns} if texts.columns_as == "txt" else set()
    _check_names("[captions]", texts.captions, fixed | own, "call it otherwise")
    known = [*NAME_PLACEHOLDERS, *(name for name in texts.columns if name not in NAME_PLACEHOLDERS)]
    for name, caption in config.captions.items():
        for template in caption.templates:
            parse_template(f"[captions.{name}] text", template, known)
    return texts


def _check_names(where: str, names: Sequence[str], taken: AbstractSet[str], remedy: str) -> None:
    seen = set[str]()
    for name in names:
        if not name or len(name) > _LONGEST_NAME or not _NAME.issuperset(name):
            raise ConfigError(
                f"{where}: {name!r:.80} cannot be the name of a text: it needs 1 to {_LONGEST_NAME} letters of ASCII, "
                "digits, '_' and '-'; column_names in [wds] gives a column another"
            )
        if name.lower() in taken | seen:
            raise ConfigError(f"{where}: the name {name!r} is taken; {remedy.format(name=name)}")
        seen.add(name.lower())
