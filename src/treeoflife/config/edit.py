"""Adding to a dataset.toml what a command has made, so that the next build obeys it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from ..core.files import write_text
from ..errors import ConfigError
from .config import load, parse
from .tables import Holdout


def register(config: Path, holdout: Holdout) -> bool:
    """Add a hold-out list to a dataset.toml, unless it is there; what else stands there stays as it is.

    Args:
        config: the dataset.toml.
        holdout: the list; one that lies beside the dataset.toml, or below, is written relative to it.

    Returns:
        Whether it was added.

    Raises:
        ConfigError: the file gives its hold-outs in a form that nothing can be added to.
    """
    if any(one.path.resolve() == holdout.path.resolve() for one in load(config).holdout):
        return False
    folder, path = config.parent.resolve(), holdout.path.resolve()
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    entry = f'[[holdout]]\npath = {json.dumps(str(shown), ensure_ascii=False)}\nby = "{holdout.by}"\n'
    text = config.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + entry
    try:
        parse(tomllib.loads(text), config.parent, str(config))
    except (tomllib.TOMLDecodeError, ConfigError):
        raise ConfigError(f"nothing can be added to the hold-outs of {config} as they stand; add:\n{entry}") from None
    write_text(config, text)
    return True
