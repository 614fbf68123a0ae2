"""spaCy pipelines, for comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import load_config

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import Tags

RUNTIME = "spacy"


def is_pipeline(folder: Path) -> bool:
    """Return whether a folder holds a spaCy pipeline."""
    return (folder / "config.cfg").is_file() and (folder / "meta.json").is_file()


@dataclass(frozen=True)
class Pipeline:
    """spaCy pipeline that finds entities.

    Attributes:
        nlp: the pipeline.
        bytes: of its folder.
    """

    nlp: Language
    bytes: int

    @classmethod
    def load(cls, folder: Path) -> Pipeline:
        """Load a saved pipeline.

        Raises:
            DataError: if it is damaged, needs other packages, or has no component that finds entities.
        """
        try:
            _check_sources(folder)
            nlp = spacy.load(folder)  # reads configuration and data, and imports no code
        except Exception as error:  # its errors have no common base
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise DataError(f"{folder}: cannot be read by spaCy ({first})") from error
        if not any("doc.ents" in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names):
            raise DataError(f"{folder}: no part of this pipeline finds entities ({', '.join(nlp.pipe_names)})")
        return cls(nlp, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))

    @property
    def types(self) -> frozenset[str]:
        """Entity types that it finds."""
        names = [name for name in self.nlp.pipe_names if self.nlp.get_pipe_meta(name).factory in ("ner", "beam_ner")]
        return frozenset(label for name in names for label in self.nlp.pipe_labels[name])

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of its weights, and of those in (hashed) embeddings."""
        nodes: dict[int, Any] = {}
        for _, component in self.nlp.pipeline:
            model: Any = getattr(component, "model", None)
            if model is not None:
                nodes |= {node.id: node for node in model.walk()}
        weights = [(node, node.get_param(name)) for node in nodes.values() for name in node.param_names]
        tables = sum(weight.size for node, weight in weights if "embed" in node.name)
        return sum(weight.size for _, weight in weights), tables

    def read(self, sentences: Sequence[Sentence]) -> Tags:
        """Tag sentences; the words are given, so that its own tokenizer takes no time."""
        docs = (Doc(self.nlp.vocab, list(each.words), each.spaces) for each in sentences)
        return [
            [f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O" for token in doc]
            for doc in self.nlp.pipe(docs, batch_size=max(1, len(sentences)))
        ]


def _check_sources(folder: Path) -> None:
    """Raise ``ValueError`` if a component or the language comes from a package that spaCy would import by its name."""
    config = load_config(folder / "config.cfg", interpolate=False)
    for name, block in config.get("components", {}).items():
        if "source" in block:
            raise ValueError(f"components.{name}.source: names another pipeline; save this one whole")
    language = config.get("nlp", {}).get("lang")
    if not isinstance(language, str) or not language.isalpha():
        raise ValueError(f"nlp.lang: found {language!r}; expected letters such as en")
