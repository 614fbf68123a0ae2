"""Taggers that finkd did not train, by kind: transformers, spaCy, GLiNER, and files of predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import exists
from finkd.corpora.registry import Registry
from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import Logits
from finkd.models.model import Model
from finkd.teachers.label_map import LabelMap, Probabilities, Retype, as_scores, corpus_labels


class Source(Protocol):
    """Finished tagger with labels of its own."""

    @property
    def key(self) -> str:
        """Content address of the tagger."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, in any order and scheme."""

    def probabilities(self, sentences: Sequence[Sentence], precision: str) -> list[Probabilities]:
        """Compute (words, labels) distributions of each sentence; NaN for words that it does not read."""

    @property
    def load(self) -> Callable[[], Model] | None:
        """Reads its network and tokenizer, whose hidden states can be learned from; ``None`` if it has none."""


Opens = Callable[[str, Retype], Source]
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


@dataclass(frozen=True)
class ReadyMade:
    """Finished tagger, read as a tagger of a corpus.

    Attributes:
        name: of the tagger: ``KIND:NAME``, or a folder, file or hub id whose kind its files tell.
        source: the tagger.
        retype: settings that read its labels as those of the corpus.
        labels: IOB2 labels of the corpus.
    """

    name: str
    source: Source
    retype: Retype
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that the labels of both sides fit.

        Raises:
            ConfigError: if a type of one side has no counterpart on the other.
        """
        _ = self._map

    @classmethod
    def open(cls, name: str, retype: Retype, labels: Sequence[str] | None = None) -> ReadyMade:
        """Find a tagger and read its labels.

        Args:
            name: as for the class.
            retype: settings that read its labels.
            labels: of the corpus; by default those of the tagger's own types.

        Raises:
            FinkdError: if it is nowhere, is no tagger, or its labels do not fit the corpus.
        """
        kind, rest = kind_of(name)
        source = kinds.get(kind)(rest, retype)
        own = tuple(labels) if labels is not None else corpus_labels(source.labels, retype, name)
        return cls(name, source, retype, own)

    @cached_property
    def _map(self) -> LabelMap:
        return LabelMap.of(self.source.labels, self.labels, self.retype, self.name)

    def sentence_logits(self, sentences: Sequence[Sentence], precision: str) -> list[Logits]:
        """Compute (words, labels) log-probabilities of each sentence; NaN for words that it does not read."""
        return [as_scores(self._map(each)) for each in self.source.probabilities(sentences, precision)]


def kind_of(name: str) -> tuple[str, str]:
    """Return the kind of a tagger, and its name without the kind.

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
    if exists(path) and path.is_file():
        return "predictions", name
    if (path / "config.cfg").is_file() and (path / "meta.json").is_file():
        return "spacy", name
    return ("gliner" if (path / "gliner_config.json").is_file() else "transformers"), name
