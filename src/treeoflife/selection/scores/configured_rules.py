"""The rules over scores that a configuration has."""

from collections.abc import Mapping
from typing import Any

from ...config.scores import Score
from .rule_text import RuleText, columns_of


def drop_rules(scores: Mapping[str, Score]) -> list[tuple[str, RuleText]]:
    """The rules that leave images out, each with the table of scores that it belongs to."""
    return [
        (name, RuleText(f"[scores.{name}] drop", text)) for name, score in scores.items() for text in score.drop_rules
    ]


def find_rules(scores: Mapping[str, Score]) -> list[tuple[str, str, RuleText]]:
    """The rules that make findings, each with its table of scores and its kind."""
    return [
        (name, kind, RuleText(f"[scores.{name}] find", text))
        for name, score in scores.items()
        for kind, text in score.kinds(name).items()
    ]


def used_tables(scores: Mapping[str, Score]) -> list[str]:
    """The tables of scores that rules read, in the order of the configuration.

    Raises:
        ConfigError: a rule is wrong.
    """
    every = [*drop_rules(scores), *((name, rule) for name, _, rule in find_rules(scores))]
    used = {one.score or name for name, rule in every for one in columns_of(rule.parse())}
    return [name for name in scores if name in used]


def settings(scores: Mapping[str, Score]) -> dict[str, Any]:
    """The rules as settings of the plan; none where there are none."""
    rules = {
        name: {"drop": list(score.drop_rules), "find": score.kinds(name)}
        for name, score in scores.items()
        if score.drop_rules or score.kinds(name)
    }
    return {"scores": rules} if rules else {}
