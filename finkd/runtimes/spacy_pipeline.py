"""spaCy pipelines, for comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import Tags
from finkd.teachers.spacy_pipeline import entity_types, load_pipeline

RUNTIME = "spacy"


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
            FinkdError: as ``load_pipeline``.
        """
        return cls(load_pipeline(folder), sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))

    @property
    def types(self) -> frozenset[str]:
        """Entity types that it finds."""
        return frozenset(entity_types(self.nlp))

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
