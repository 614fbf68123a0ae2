"""Numbers with their nouns, for messages, captions and pages."""

from __future__ import annotations


def counted(number: float, noun: str, plural: str = "") -> str:
    """Return a number and its noun: ``1 second``, ``0.5 seconds``, ``1,234 sentences``, ``0 entities``.

    Args:
        number: how many; ``1`` alone takes the singular.
        noun: the singular.
        plural: where it is not the singular with an "s" ("es" behind a hiss, "ies" for a "y" behind a consonant).
    """
    shown = f"{int(number):,}" if number == int(number) else f"{number:,g}"
    return f"{shown} {noun if number == 1 else plural or _plural(noun)}"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
