"""The language of rules over scores, such as ``animal < 0.2 and not (person > 0.5 or label is missing)``.

rule        = all {"or" all}
all         = part {"and" part}
part        = "not" part | "(" rule ")" | comparison
comparison  = value ("<" | "<=" | ">" | ">=" | "=" | "==" | "!=" | "<>") value
            | column "is" ["not"] "missing"
value       = column | number | text
column      = [name "."] name          the name of another table of scores may stand before it
name        = letters, digits, "_", "-", not a digit first; or anything in double quotation marks
text        = anything in single quotation marks; '' is one of them

There are no functions, no arithmetic and no patterns. What a rule says is looked at here and in :mod:`.rule_sql` alone;
the database never sees its text.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from ...errors import ConfigError

MAX_LENGTH, MAX_DEPTH = 4_000, 40
_WORDS = ("and", "or", "not", "is", "missing")
_SIGNS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "=", "==": "=", "!=": "<>", "<>": "<>"}
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)
    | (?P<text>'(?:[^']|'')*+')
    | (?P<name>[^\W\d][\w-]*|"[^"]+")
    | (?P<sign><=|>=|==|!=|<>|[<>=().])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


@dataclass(frozen=True)
class Column:
    """A column of scores: of the table ``score``, or, where that is empty, of the one that the rule belongs to."""

    score: str
    name: str
    start: int


@dataclass(frozen=True)
class Value:
    """A number or a text."""

    value: float | str
    start: int


@dataclass(frozen=True)
class Comparison:
    """Two values with an operator of SQL between them."""

    left: Column | Value
    operator: str
    right: Column | Value


@dataclass(frozen=True)
class Missing:
    """Whether an image lacks a value; or, if ``negated``, has one."""

    column: Column
    negated: bool


@dataclass(frozen=True)
class Not:
    """The contrary of a condition."""

    condition: "Condition"


@dataclass(frozen=True)
class Joined:
    """Several conditions with ``AND`` or ``OR`` between them."""

    word: str
    conditions: tuple["Condition", ...]


Condition = Comparison | Missing | Not | Joined


def columns_of(condition: Condition) -> list[Column]:
    """The columns in a condition, in their order."""
    if isinstance(condition, Comparison):
        return [one for one in (condition.left, condition.right) if isinstance(one, Column)]
    if isinstance(condition, Missing):
        return [condition.column]
    parts = (condition.condition,) if isinstance(condition, Not) else condition.conditions
    return [one for part in parts for one in columns_of(part)]


@dataclass(frozen=True)
class RuleText:
    """A rule as it is written.

    Attributes:
        where: the key of dataset.toml that has it, such as ``[scores.detector] drop``.
        text: the rule.
    """

    where: str
    text: str

    def fail(self, start: int, problem: str) -> NoReturn:
        """Raise a ConfigError that shows the place in the rule at which something is wrong."""
        # A rule may be long and have line ends: the part around the place is shown, on one line.
        line = re.sub(r"\s", " ", self.text)
        first = max(0, start - 60)
        shown, cut = line[first : first + 120], "… " if first else ""
        raise ConfigError(f"{self.where}: {problem}\n    {cut}{shown}\n    {' ' * (len(cut) + start - first)}^")

    def parse(self) -> Condition:
        """The condition that the rule states.

        Raises:
            ConfigError: it is not written in the language above; the message shows where.

        >>> RuleText("drop", "animal < 0.2").parse()
        Comparison(left=Column(score='', name='animal', start=0), operator='<', right=Value(value=0.2, start=9))
        >>> RuleText("drop", "animal < 0.2 animal").parse()
        Traceback (most recent call last):
        treeoflife.errors.ConfigError: drop: 'animal' is not expected here; 'and' or 'or' joins two conditions
            animal < 0.2 animal
                         ^
        """
        if len(self.text) > MAX_LENGTH:
            raise ConfigError(
                f"{self.where}: the rule has {len(self.text):,} characters; at most {MAX_LENGTH:,} are read"
            )
        return _Parser(self).parse()

    def tokens(self) -> list[_Token]:
        """The numbers, texts, names and signs of the rule, and its end."""
        tokens, position = list[_Token](), 0
        while not tokens or tokens[-1].kind != "end":
            match = _TOKEN.match(self.text, position)
            if not match or not match.lastgroup:
                start = position + len(self.text[position:]) - len(self.text[position:].lstrip())
                self.fail(start, _unknown(self.text[start]))
            tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            position = match.end()
        return tokens


def _unknown(character: str) -> str:
    if character in "'\"":
        return f"the text that begins here has no end: {character} is missing"
    if character in "+-*/%":
        return f"{character!r} cannot be here: rules compare columns, and do not calculate"
    if character in "&|":
        return f"{character!r} cannot be here: write 'and' or 'or'"
    return f"{character!r} cannot be here"


class _Parser:
    """Reads the tokens of a rule from left to right."""

    def __init__(self, rule: RuleText) -> None:
        self._rule, self._tokens, self._next, self._depth = rule, rule.tokens(), 0, 0

    def parse(self) -> Condition:
        if self._token.kind == "end":
            self._rule.fail(0, "the rule is empty")
        condition = self._either()
        if self._token.kind != "end":
            if self._token.text in _SIGNS:
                self._fail("a comparison has two sides: write a < b and b < c in place of a < b < c")
            if self._token.text == ")":
                self._fail("there is no ( to this )")
            self._fail(f"{self._shown} is not expected here; 'and' or 'or' joins two conditions")
        return condition

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    @property
    def _shown(self) -> str:
        return "the end" if self._token.kind == "end" else f"'{self._token.text}'"

    def _fail(self, problem: str) -> NoReturn:
        self._rule.fail(self._token.start, problem)

    def _take(self, *texts: str) -> str:
        """The next token, if it is one of these words or signs; words may have capitals. Empty if it is not."""
        text = self._token.text.lower() if self._token.kind == "name" else self._token.text
        if self._token.kind in ("name", "sign") and text in texts:
            self._next += 1
            return text
        return ""

    def _either(self) -> Condition:
        return self._joined("or", "OR")

    def _joined(self, word: str, sql: str) -> Condition:
        part = self._part if word == "and" else lambda: self._joined("and", "AND")
        conditions = [part()]
        while self._take(word):
            conditions.append(part())
        return conditions[0] if len(conditions) == 1 else Joined(sql, tuple(conditions))

    def _part(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"conditions are nested more than {MAX_DEPTH} deep")
        condition = self._nested() or self._comparison()
        self._depth -= 1
        return condition

    def _nested(self) -> Condition | None:
        if self._take("not"):
            return Not(self._part())
        if self._take("("):
            condition = self._either()
            if not self._take(")"):
                self._fail(f"a ) is missing before {self._shown}")
            return condition
        return None

    def _comparison(self) -> Condition:
        left = self._value()
        if self._take("is"):
            negated = bool(self._take("not"))
            if not self._take("missing"):
                self._fail(
                    f"'missing' is expected in place of {self._shown}: a column 'is missing' or 'is not missing'"
                )
            if isinstance(left, Value):
                self._rule.fail(left.start, "only a column can be missing")
            return Missing(left, negated)
        if not (sign := self._take(*_SIGNS)):
            self._fail(f"a comparison such as < or = is expected in place of {self._shown}")
        right = self._value()
        if isinstance(left, Value) and isinstance(right, Value):
            self._rule.fail(left.start, "one side of a comparison is the name of a column")
        return Comparison(left, _SIGNS[sign], right)

    def _value(self) -> Column | Value:
        token = self._token
        if token.kind == "number":
            self._next += 1
            return Value(float(token.text), token.start)
        if token.kind == "text":
            self._next += 1
            return Value(token.text[1:-1].replace("''", "'"), token.start)
        name = self._name()
        return Column(name, self._name(), token.start) if self._take(".") else Column("", name, token.start)

    def _name(self) -> str:
        token = self._token
        if token.kind != "name" or token.text.lower() in _WORDS:
            self._fail(f"the name of a column, a number or a text is expected in place of {self._shown}")
        self._next += 1
        return token.text.strip('"')
