"""What the rules of a configuration do with images: leave them out, or report them as findings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...config.scores import Score
from ...core.database import Database, column, columns, quoted
from .configured_rules import drop_rules, find_rules
from .rule_sql import RuleSql, compile_rule, value_of
from .rule_text import RuleText
from .score_file import ID, ScoreFile


def leave_out(database: Database, files: Sequence[ScoreFile] = (), scores: Mapping[str, Score] | None = None) -> None:
    """Find the images that rules leave out.

    in:  image, score_table_N
    out: scored   treeoflife_id, and scored: which rule, and the values that it goes by

    Raises:
        ConfigError: a rule is wrong, or names what is not there.
    """
    rules = drop_rules(scores or {})
    if not rules:
        database.run(f"CREATE OR REPLACE TABLE scored ({ID} VARCHAR, scored VARCHAR)")
        return
    compiled = _compiled(rules, files)
    cases, parameters = [], dict[str, Any]()
    for number, ((_, rule), sql) in enumerate(zip(rules, compiled, strict=True)):
        parameters |= {**sql.parameters, f"rule_{number}": f"{rule.where} {' '.join(rule.text.split())}"}
        cases.append(f"WHEN {sql.condition} THEN $rule_{number} || ' (' || {_values(sql)} || ')'")
    database.make("scored", f"""
        SELECT *
        FROM (SELECT image.{ID}, CASE {" ".join(cases)} END AS scored FROM {joined("image", files)})
        WHERE scored IS NOT NULL
    """, **parameters)  # fmt: skip


def _compiled(rules: Iterable[tuple[str, RuleText]], files: Sequence[ScoreFile]) -> list[RuleSql]:
    tables = {one.name: one.columns for one in files}
    return [compile_rule(rule, name, tables, f"value_{number}") for number, (name, rule) in enumerate(rules)]


def _values(sql: RuleSql) -> str:
    """SQL for the values that a rule goes by, as a text."""
    return " || ', ' || ".join(
        f"{quoted(f'{name} is ')} || coalesce({value_of(score, name)}::VARCHAR, 'missing')"
        for score, name in sql.columns
    )


def joined(images: str, files: Sequence[ScoreFile]) -> str:
    """SQL for a table of images with the values of scores."""
    joins = [images]
    for number, one in enumerate(files):
        values = f"SELECT {columns([ID, *one.columns])} FROM score_table_{number}"
        joins.append(f"LEFT JOIN ({values}) AS {column(f'scores.{one.name}')} USING ({ID})")
    return " ".join(joins)


def open_files(database: Database, files: Sequence[ScoreFile]) -> None:
    """Make files of scores known to a database.

    out: score_table_N   the Nth of them
    """
    for number, one in enumerate(files):
        database.view(f"score_table_{number}", [one.path])


def find(database: Database, files: Sequence[ScoreFile], scores: Mapping[str, Score]) -> dict[str, str]:
    """Find the samples that rules report, as rows of findings.

    in:  decision, score_table_N
    out: score_finding   see :data:`.findings.SCHEMA`

    Returns:
        The kinds of findings, each with its meaning.
    """
    rules = find_rules(scores)
    compiled = _compiled([(name, rule) for name, _, rule in rules], files)
    samples = f"(SELECT {ID} FROM decision WHERE rule IS NULL) AS sampled"
    parts, parameters = [], dict[str, Any]()
    for number, ((_, kind, _), sql) in enumerate(zip(rules, compiled, strict=True)):
        parameters |= {**sql.parameters, f"kind_{number}": kind}
        parts.append(f"""
            SELECT sampled.{ID}, $kind_{number} AS kind, {_values(sql)} AS detail, []::VARCHAR[] AS others
            FROM {joined(samples, files)}
            WHERE {sql.condition}
        """)
    database.make("score_finding", " UNION ALL ".join(parts), **parameters)
    return {kind: f"scores: {' '.join(rule.text.split())}" for _, kind, rule in rules}
