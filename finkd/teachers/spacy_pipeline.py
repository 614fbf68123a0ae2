"""spaCy pipelines as teachers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import spacy
from spacy.language import Language
from spacy.util import load_config

from finkd.corpora.errors import ConfigError, DataError, UnavailableError, first_line, listed
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
    spec: ClassVar[None] = None

    @cached_property
    def key(self) -> str:
        """Content address of its files."""
        folder = Path(self.language.path or "")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return address({str(path.relative_to(folder)): sha256(path) for path in files})

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """IOB2 labels of the entity types that its components set."""
        return label_names(entity_types(self.language))

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
    """Open a pipeline; errors are those of ``load_pipeline``."""
    return SpacyPipeline(load_pipeline(name))


def load_pipeline(name: str | Path) -> Language:
    """Load a pipeline from its folder, of which no code is run, or its installed package.

    Raises:
        ConfigError: if no component finds entities.
        DataError: if it is damaged, or needs other packages.
        UnavailableError: if it is nowhere.
    """
    path = Path(name).expanduser()
    is_folder = exists(path)
    if not is_folder and not spacy.util.is_package(str(name)):
        raise UnavailableError(f"{name}: neither a folder nor an installed package (python -m spacy download)")
    try:
        if is_folder:
            _check_sources(path)
        language = spacy.load(path if is_folder else name)
    except Exception as error:  # components of other packages may raise anything
        raise DataError(f"{name}: cannot be read by spaCy ({first_line(error)[:200]})") from error
    if not entity_types(language):
        raise ConfigError(f"{name}: no component finds entities (it has {listed(language.pipe_names)})")
    return language


def entity_types(language: Language) -> list[str]:
    """Return the entity types of the components that set ``doc.ents``."""
    found: dict[str, None] = {}
    for name in language.pipe_names:
        if "doc.ents" in language.get_pipe_meta(name).assigns:
            found |= dict.fromkeys(getattr(language.get_pipe(name), "labels", ()))
    return [*found]


def _check_sources(folder: Path) -> None:
    """Raise ``ValueError`` if a component or the language comes from a package that spaCy would import by its name."""
    config = load_config(folder / "config.cfg", interpolate=False)
    for name, block in config.get("components", {}).items():
        if "source" in block:
            raise ValueError(f"components.{name}.source: names another pipeline; save this one whole")
    language = config.get("nlp", {}).get("lang")
    if not isinstance(language, str) or not language.isalpha():
        raise ValueError(f"nlp.lang: found {language!r}; expected letters such as en")
