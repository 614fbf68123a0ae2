"""spaCy pipelines as teachers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from spacy.language import Language

from finkd.corpora.errors import ConfigError, UnavailableError
from finkd.corpora.files import exists, sha256
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import label_names
from finkd.store import address
from finkd.teachers.label_map import LabelReading, Probabilities
from finkd.teachers.spans import Span, span_probabilities

_BATCH = 64


@dataclass(frozen=True)
class SpacyPipeline:
    """Pipeline whose entities (``doc.ents``) are read.

    Attributes:
        language: the pipeline.
    """

    language: Language

    load: ClassVar[None] = None

    @cached_property
    def key(self) -> str:
        """Content address of its files."""
        folder = Path(self.language.path or "")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return address({str(path.relative_to(folder)): sha256(path) for path in files})

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """IOB2 labels of the entity types that its components set."""
        return label_names(_types(self.language))

    def probabilities(self, sentences: Sequence[Sentence], precision: str) -> list[Probabilities]:
        """Return (words, labels) distributions of each sentence, which are certain: spaCy returns entities alone."""
        docs = self.language.pipe([sentence.text for sentence in sentences], batch_size=_BATCH)
        return [
            span_probabilities(
                sentence, [Span(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents], self.labels
            )
            for sentence, doc in zip(sentences, docs, strict=True)
        ]


def open_spacy(name: str, reading: LabelReading) -> SpacyPipeline:
    """Load a pipeline from its folder or its installed package.

    Raises:
        ConfigError: if it finds no entities, or cannot be loaded.
        UnavailableError: if it is nowhere.
    """
    import spacy

    path = Path(name).expanduser()
    if not exists(path) and not spacy.util.is_package(name):
        raise UnavailableError(f"spacy:{name}: neither a folder nor an installed package (python -m spacy download)")
    try:
        language = spacy.load(path if exists(path) else name)
    except Exception as error:  # components of other packages may raise anything
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigError(f"spacy:{name}: cannot be loaded ({reason[:200]})") from error
    if not _types(language):
        raise ConfigError(f"spacy:{name}: no component finds entities (it has {', '.join(language.pipe_names)})")
    return SpacyPipeline(language)


def _types(language: Language) -> list[str]:
    """Return the entity types of the components that set ``doc.ents``."""
    found: dict[str, None] = {}
    for name in language.pipe_names:
        if "doc.ents" in language.get_pipe_meta(name).assigns:
            found |= dict.fromkeys(getattr(language.get_pipe(name), "labels", ()))
    return [*found]
