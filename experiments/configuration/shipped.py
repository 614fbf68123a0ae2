"""The configurations that come with finkd, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "configs"
SHIPPED: Mapping[str, str] = {
    "big-teacher": "teachers of two families and sizes, and an ensemble of both, on financial news",
    "cached-states": "a teacher's hidden states kept in 8 bits and in 16",
    "compression": "methods that make a distilled student still smaller",
    "distilbert": "DistilBERT again, on GLUE",
    "finer-ord": "a domain vocabulary and distillation on financial news",
    "general-distillation": "losses and schedules of a general distillation, on three tasks of GLUE",
    "losses": "embedding transfers and losses under a new vocabulary",
    "more-text": "four times as much raw text",
    "orders": "every order of general text, domain text and gold labels",
    "orders-general-teacher": "a teacher for orders that has not learned the domain",
    "quickstart": "the quick start on the sample, in minutes",
    "sec-filings": "a domain vocabulary and distillation on credit agreements",
    "selection": "less but better raw text, with as many steps",
    "six-megabytes": "a student of six megabytes for financial news",
    "six-megabytes-parts": "what each part of six-megabytes is worth",
    "six-megabytes-sec": "a student of six megabytes for credit agreements",
    "six-megabytes-sec-from-news": "the same, from models that have learned the names of news",
    "strategies-financial": "every known strategy on financial text",
    "tinybert": "TinyBERT again, on GLUE",
    "tune": "a small study on the sample, for 'finkd tune'",
    "tune-financial": "a study on financial news, for 'finkd tune'",
    "vocabulary-sizes": "vocabularies of many sizes",
    "vocabulary-transfer": "fast vocabulary transfer again",
}
"""Name -> one line for ``finkd list``; each is a file of the folder."""


def configuration_file(path: str | Path) -> Path:
    """Return the file of a configuration: the path itself, or the configuration of this name that comes with finkd.

    A file of the working folder goes before.

    Example:
        >>> configuration_file("quickstart").name
        'quickstart.yaml'
    """
    is_shipped = str(path) in SHIPPED and not Path(path).is_file()
    return FOLDER / f"{path}.yaml" if is_shipped else Path(path)


def suggestion(path: Path) -> str:
    """Return the end of a message about a file that does not exist: the configuration of finkd that may be meant."""
    return f"; did you mean {FOLDER / path.stem}.yaml, which comes with finkd?" if path.stem in SHIPPED else ""
