"""Another vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

from corpora.errors import ConfigError
from corpora.registry import unknown
from finkd.models import Model
from finkd.stages.stage import Context
from finkd.students import replace_vocabulary
from tokenization import vocabulary
from tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Retokenize:
    """Train a vocabulary on the domain's text and move the embeddings over to it.

    The text is the training sentences of the labelled corpus and a sample of the unlabelled one, never the scored
    split.

    Attributes:
        algorithm: a name in ``tokenization.vocabulary.algorithms``.
        size: pieces, special tokens included.
        lowercase: whether case is dropped.
        sentences: unlabelled sentences to learn from; 0 takes as many as the experiment's text has.
        tokenizer: a tokenizer folder to take instead of training one.
    """

    algorithm: str = "wordpiece"
    size: int = 8000
    lowercase: bool = True
    sentences: int = 0
    tokenizer: str = ""
    version: ClassVar[int] = 2

    def depends(self, context: Context) -> dict[str, Any]:
        """The text learned from, or the tokenizer taken."""
        if self.tokenizer:
            given = Tokenizer.load(self.tokenizer)
            if "pad" not in given.special_ids:
                raise ConfigError(f"retokenize.tokenizer: {self.tokenizer} has no padding token; set its pad_token")
            return {"tokenizer": given.fingerprint}
        if self.algorithm not in vocabulary.algorithms:
            raise ConfigError(f"retokenize.algorithm: {unknown('vocabularies', self.algorithm, vocabulary.algorithms)}")
        return {"corpus": context.corpus, "text": context.text.fingerprint if context.text else None}

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The model under its new vocabulary."""
        return replace_vocabulary(model, self._tokenizer(context)), 0

    def _tokenizer(self, context: Context) -> Tokenizer:
        if self.tokenizer:
            return Tokenizer.load(self.tokenizer)
        drawn = context.text.draw(self.sentences or None) if context.text else []
        texts = (sentence.text for sentence in chain(context.train, drawn))
        return vocabulary.train(texts, self.algorithm, self.size, lowercase=self.lowercase)
