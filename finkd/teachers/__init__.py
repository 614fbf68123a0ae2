"""Teachers: ensembles, and taggers that finkd did not train, by kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import exists
from finkd.corpora.registry import Registry
from finkd.models import pretrained
from finkd.models.lookup import is_spacy_pipeline

if TYPE_CHECKING:  # importing a tagger imports torch, which names are listed without
    from finkd.teachers.finished_tagger import TaggerSource
    from finkd.teachers.label_map import LabelReading

Opens = Callable[[str, "LabelReading"], "TaggerSource"]
"""Opens a tagger by its name, with the settings that say what its types are."""

kinds: Registry[Opens] = Registry(
    "teacher-kinds",
    {
        "transformers": (
            "finkd.teachers.transformers_tagger:open_transformers",
            "a token-classification folder or hub id",
        ),
        "spacy": ("finkd.teachers.spacy_pipeline:open_spacy", "a spaCy pipeline: a folder or a package"),
        "gliner": ("finkd.teachers.gliner_tagger:open_gliner", "a GLiNER folder or hub id (extra 'gliner')"),
        "predictions": ("finkd.teachers.predictions:open_predictions", "a file of tags or distributions per word"),
    },
)


_FILES = (".jsonl", ".json", ".conll", ".iob", ".csv", ".tsv", ".txt", ".parquet", ".gz")
"""Endings of what is looked for as a file of predictions, and not on the hub, if it is nowhere."""


def kind_of(name: str) -> tuple[str, str]:
    """Return the kind of a tagger, and its name without the kind.

    Args:
        name: ``KIND:NAME``, or a folder, file or hub id whose kind its files tell.

    Raises:
        UnknownNameError: if its name begins with an unknown kind.

    Example:
        >>> kind_of("spacy:en_core_web_sm")
        ('spacy', 'en_core_web_sm')
    """
    kind, colon, rest = name.partition(":")
    path = Path(name).expanduser()
    if colon and not exists(path):
        if kind not in kinds:
            kinds.get(kind)  # raises with the nearest kind
        if not rest:
            raise ConfigError(f"{name}: expected a name after the kind, such as {kind}:NAME")
        return kind, rest
    if (exists(path) and path.is_file()) or (not exists(path) and path.suffix.lower() in _FILES):
        return "predictions", name
    if is_spacy_pipeline(path):
        return "spacy", name
    return ("gliner" if (path / "gliner_config.json").is_file() else "transformers"), name


def check_found(name: str) -> None:
    """Check that a tagger is on this machine or can be fetched, without loading it, if that can be told.

    Raises:
        UnavailableError: if it is nowhere.
        UnknownNameError: if its name begins with an unknown kind.
    """
    kind, rest = kind_of(name)
    if kind == "transformers":
        pretrained.resolve(rest)
