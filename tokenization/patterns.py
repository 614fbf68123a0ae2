"""Regular expressions that come with a tokenizer: which of them take time that is bounded by the text.

The engine (Oniguruma) backtracks. ``(a+)+b`` takes time exponential in a run of "a", and the engine then gives up in a
way that ends the program. What is refused here is refused by its form, so that the same file is always answered alike:
a repeated group whose content can match one text in several ways, and many open repetitions in a row, whose time is a
power of the text's length. Published tokenizers have neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_LENGTH = 1000
MAX_OPEN = 2
"""Repetitions without an end in one alternative; no published pattern that we know has more."""
MAX_REPEATS = 1000
"""The engine writes ``x{n}`` out ``n`` times."""

_FEW = 8
"""A repetition of up to so many times counts as closed."""

_COUNTED = re.compile(r"\{(\d*)(,?)(\d*)\}")
_OPENING = re.compile(r"\(\?(?:#[^)]*\)|[imxsu-]*\)|[imxsu-]*:|=|!|<=|<!|>)")
_BACK_REFERENCE = re.compile(r"\\(?:[1-9]|[kg]<|[kg]')")
_ESCAPE = re.compile(r"\\(?:[pP]\{[^}]*\}|x\{[^}]*\}|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)


@dataclass
class _Group:
    """State of a group that is being read, or of one atom.

    Attributes:
        opened: repetitions without an end in the present alternative.
        most: the same of the alternative that has most.
        varies: whether it holds a repetition of a varying number, or alternatives.
        copies: how often the engine writes out its content.
        last: the atom that a quantifier would repeat.
        looks: whether it only looks at the text.
    """

    opened: int = 0
    most: int = 0
    varies: bool = False
    copies: int = 1
    last: _Group | None = field(default=None, repr=False)
    looks: bool = False

    def close(self) -> None:
        self.most = max(self.most, self.opened)
        self.opened, self.last = 0, None

    def take(self, atom: _Group) -> None:
        self.opened += atom.most
        self.varies |= atom.varies
        self.copies = max(self.copies, atom.copies)
        self.last = atom


def problem(pattern: str) -> str | None:
    """Return why a pattern is refused, or ``None``."""
    if len(pattern) > MAX_LENGTH:
        return f"has {len(pattern):,} characters; expected {MAX_LENGTH:,} at most"
    if "\0" in pattern:
        return "holds a NUL character"
    stack, at = [_Group()], 0
    while at < len(pattern):
        at, why = _step(pattern, at, stack)
        if why:
            return why
    stack[0].close()
    return _too_open(stack[0])


def _step(pattern: str, at: int, stack: list[_Group]) -> tuple[int, str | None]:
    """Read one atom, quantifier or bracket; gives the place behind it, and why the pattern is refused."""
    group, sign = stack[-1], pattern[at]
    if sign == "\\":
        if _BACK_REFERENCE.match(pattern, at):
            return at, "refers back to a group"
        escape = _ESCAPE.match(pattern, at)
        group.take(_Group())
        return escape.end() if escape else len(pattern), None
    if sign == "[":
        group.take(_Group())
        return _behind_class(pattern, at), None
    if sign == "(":
        return _open(pattern, at, stack)
    if sign == ")":
        return at + 1, _close(stack)
    if sign == "|":
        group.close()
        group.varies = True
        return at + 1, None
    counted = _COUNTED.match(pattern, at) if sign == "{" else None
    if sign in "*+?" or (counted and (counted[1] or counted[3])):
        return _repeat(pattern, at, counted, group)
    group.take(_Group())
    return at + 1, None


def _open(pattern: str, at: int, stack: list[_Group]) -> tuple[int, str | None]:
    if not pattern.startswith("(?", at):
        stack.append(_Group())
        return at + 1, None
    opening = _OPENING.match(pattern, at)
    if opening is None:
        return at, f"has a group of an unusual kind ({pattern[at : at + 4]!r})"
    if not opening[0].endswith(")"):  # a comment or a switch is whole already
        stack.append(_Group(looks=opening[0] in ("(?=", "(?!", "(?<=", "(?<!")))
    return opening.end(), None


def _close(stack: list[_Group]) -> str | None:
    if len(stack) == 1:
        return "has a ) too many"
    done = stack.pop()
    done.close()
    stack[-1].take(done)
    return _too_open(done)


def _repeat(pattern: str, at: int, counted: re.Match[str] | None, group: _Group) -> tuple[int, str | None]:
    """Return a quantifier behind the group's last atom."""
    sign, atom = pattern[at], group.last
    if counted:
        least = int(counted[1] or 0)
        most = int(counted[3]) if counted[3] else None if counted[2] else least
        end = counted.end()
    else:
        least, most, end = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign] + (at + 1,)
    if atom is None:
        return at, f"repeats nothing ({pattern[at:end]!r})"
    again = most is None or most > 1
    if again and atom.varies:
        return at, "repeats a group that can match one text in several ways"
    copies = atom.copies * max(least, most or 1)
    if copies > MAX_REPEATS:
        return at, f"repeats something {copies:,} times; expected {MAX_REPEATS:,} at most"
    group.opened -= atom.most
    group.copies = max(group.copies, copies)
    opened = atom.most + (1 if most is None or (least != most and most > _FEW) else 0)
    repeated = _Group(most=opened, varies=atom.varies or least != most, copies=copies)
    group.take(repeated)
    # Lazy or possessive: the same repetition. Behind braces, a plus repeats once more.
    if end < len(pattern) and pattern[end] in ("?" if counted else "?+"):
        end += 1
    return end, _too_open(group)


def _too_open(group: _Group) -> str | None:
    if max(group.opened, group.most) > MAX_OPEN:
        return f"has more than {MAX_OPEN} open repetitions in a row"
    return None


def _behind_class(pattern: str, at: int) -> int:
    """Return the place behind a character class, which may hold others."""
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            escape = _ESCAPE.match(pattern, at)
            at = escape.end() if escape else len(pattern)
            continue
        if pattern.startswith("[:", at) and depth:
            end = pattern.find(":]", at)
            at = end + 2 if end >= 0 else at + 1
            continue
        if pattern[at] == "[":
            depth += 1
            at += 1 + pattern.startswith("^", at + 1)
            if at < len(pattern) and pattern[at] == "]":  # the first one stands for itself
                at += 1
            continue
        depth -= pattern[at] == "]"
        at += 1
        if not depth:
            break
    return at
