"""Rules over scores as conditions of SQL: names are checked against the columns that there are, values are bound."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from ...core.database import column
from ...sources.lists.listed_columns import shown
from .rule_text import Column, Comparison, Condition, Joined, Missing, Not, RuleText, Value, columns_of
from .score_file import ScoreColumn

Tables = Mapping[str, Mapping[str, ScoreColumn]]
"""The columns of each table of scores, by its name."""


@dataclass(frozen=True)
class RuleSql:
    """A rule as SQL.

    Attributes:
        condition: true for the images that the rule means; false or null for others.
        parameters: the values in it, by the names of their parameters.
        columns: the columns in it, as pairs of the table and the column, in their order.
    """

    condition: str
    parameters: Mapping[str, float | str]
    columns: tuple[tuple[str, str], ...]


def compile_rule(rule: RuleText, own: str, tables: Tables, prefix: str) -> RuleSql:
    """A rule as SQL over the columns of tables, which are called as :func:`value_of` says.

    A comparison with a missing value is neither true nor false, nor is its contrary, as in all of SQL.

    Args:
        own: the table of scores that the rule belongs to.
        prefix: how the names of its parameters begin.

    Raises:
        ConfigError: the rule is wrong, names a column that is not there, or compares numbers with texts.
    """
    compiler = _Compiler(rule, own, tables, prefix)
    condition = compiler.condition(rule.parse())
    return RuleSql(condition, compiler.parameters, tuple(dict.fromkeys(compiler.columns)))


def check_columns(rule: RuleText, own: str, columns: list[str]) -> None:
    """Check that a rule's columns of its own table are there; a ConfigError if not."""
    for one in columns_of(rule.parse()):
        if one.score in ("", own):
            find_column(rule, one, columns)


def value_of(score: str, name: str) -> str:
    """SQL for a value of scores: each table has the name of its scores in the query, and its columns theirs."""
    return column(name, column(f"scores.{score}"))


def find_column(rule: RuleText, named: Column, columns: list[str]) -> str:
    """The column that a rule means, as its table calls it: capitals do not count where only one fits.

    Raises:
        ConfigError: there is none.
    """
    alike = [one for one in columns if one.lower() == named.name.lower()]
    if named.name not in columns and len(alike) != 1:
        near = difflib.get_close_matches(named.name, columns, 1)
        meant = f" ({near[0]}?)" if near else ""
        rule.fail(named.start, f"there is no column {named.name!r}{meant}; there are {shown(columns)}")
    return named.name if named.name in columns else alike[0]


@dataclass
class _Compiler:
    rule: RuleText
    own: str
    tables: Tables
    prefix: str
    parameters: dict[str, float | str] = field(default_factory=dict)
    columns: list[tuple[str, str]] = field(default_factory=list)

    def condition(self, condition: Condition) -> str:
        if isinstance(condition, Joined):
            return "(" + f" {condition.word} ".join(self.condition(one) for one in condition.conditions) + ")"
        if isinstance(condition, Not):
            return f"(NOT {self.condition(condition.condition)})"
        if isinstance(condition, Missing):
            return f"({self._column(condition.column)[0]} IS {'NOT ' * condition.negated}NULL)"
        return self._comparison(condition)

    def _comparison(self, comparison: Comparison) -> str:
        (left, left_kind), (right, right_kind) = self._value(comparison.left), self._value(comparison.right)
        if left_kind != right_kind:
            self._fail_kinds(comparison)
        return f"({left} {comparison.operator} {right})"

    def _value(self, value: Column | Value) -> tuple[str, str]:
        """SQL for a value, and whether it is a number or a text."""
        if isinstance(value, Column):
            sql, about = self._column(value)
            return sql, about.kind
        name = f"{self.prefix}_{len(self.parameters)}"
        self.parameters[name] = value.value
        return f"${name}", "text" if isinstance(value.value, str) else "number"

    def _column(self, named: Column) -> tuple[str, ScoreColumn]:
        score = named.score or self.own
        if score not in self.tables:
            self.rule.fail(named.start, f"there is no [scores.{score}]; there are {', '.join(self.tables)}")
        columns = self.tables[score]
        name = find_column(self.rule, named, list(columns))
        self.columns.append((score, name))
        return value_of(score, name), columns[name]

    def _fail_kinds(self, comparison: Comparison) -> NoReturn:
        """Say which column holds texts where a number is expected, or the other way round."""
        sides = (comparison.left, comparison.right)
        named = next(one for one in sides if isinstance(one, Column))
        score, name = named.score or self.own, find_column(self.rule, named, list(self.tables[named.score or self.own]))
        about = self.tables[score][name]
        if about.kind == "number":
            self.rule.fail(named.start, f"the column {name!r} holds numbers, and is compared with a text")
        example = f", such as {about.example!r} in {about.place}" if about.example else ""
        self.rule.fail(named.start, f"the column {name!r} holds texts{example}, and is compared with a number")
