"""Token-classification models of transformers as teachers, whatever their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import sentence_logits
from finkd.models import pretrained
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.teachers.ensemble import softmax
from finkd.teachers.label_map import LabelReading, Probabilities


@dataclass(frozen=True)
class TransformersTagger:
    """Tagger in a model folder.

    Attributes:
        name: its folder or hub id.
        spec: what its configuration tells.
    """

    name: str
    spec: ModelSpec

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of its head."""
        return self.spec.labels

    @cached_property
    def key(self) -> str:
        """Content address of its weights, configuration and tokenizer."""
        return pretrained.fingerprint(self.name)

    @cached_property
    def _model(self) -> Model:
        return load_model(self.name, any_labels=True)

    @property
    def load(self) -> Callable[[], Model]:
        """Reads its network and tokenizer."""
        return lambda: self._model

    def probabilities(self, sentences: Sequence[Sentence], precision: str) -> list[Probabilities]:
        """Compute (words, labels) distributions of each sentence, at each word's first token."""
        return [softmax(scores) for scores in sentence_logits(sentences, self._model, precision=precision)]


def open_transformers(name: str, reading: LabelReading) -> TransformersTagger:
    """Read the labels of a model; its weights are read when they are needed.

    Raises:
        ConfigError: if it tags no words.
        UnavailableError: if it is nowhere.
    """
    spec = ModelSpec.of(name)
    if spec.head != "labels":
        raise ConfigError(f"{name}: has no head that tags words; fine-tune it first, or name a tagger")
    return TransformersTagger(name, spec)
