"""Another vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from finkd import corpora
from finkd.corpora.errors import ConfigError
from finkd.corpora.registry import unknown
from finkd.corpora.sentence import Sentence
from finkd.models import transfers
from finkd.models.embedding_transfer import Transfer
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.models.vocabulary_replacement import replace_vocabulary
from finkd.settings import build, described
from finkd.stages.stage import Context, Source, Stage, StageResult
from finkd.tokenization import vocabulary
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers import algorithms
from finkd.tokenization.trainers.protection import LEARNED, read_entries
from finkd.tokenization.vocabulary import GROWTH, Growth, Protection


@dataclass(frozen=True)
class ReplaceVocabulary(Stage):
    """Make a vocabulary for the domain's text and move the embeddings over to it.

    The text is the training sentences of the labelled corpus and a sample of the unlabelled one, never the scored
    split.

    Attributes:
        algorithm: a name in ``finkd.tokenization.trainers.algorithms``, for a vocabulary from scratch.
        size: tokens, special tokens included, of a vocabulary from scratch or trimmed; a trimmed one may have fewer.
        lowercase: whether case is dropped; a grown or trimmed vocabulary does what the teacher's does.
        sentences: unlabelled sentences to learn from; 0 takes as many as the experiment's text has.
        tokenizer: a tokenizer folder to take instead of making one.
        start: ``scratch``; ``grow`` adds tokens of the domain to the model's vocabulary; ``trim`` keeps those of its
            tokens that the domain uses.
        growth: when a grown vocabulary is large enough.
        minimum: uses that a token needs to stay in a trimmed vocabulary.
        protect: words that stay whole.
        protect_file: more words that stay whole, one on each line.
        general: an unlabelled corpus, by name or path, whose words count beside the domain's.
        weight: share of the domain's words, if there is a general corpus.
        names: occurrences that a likely name of the domain's text stands for (``vocabulary.count_words``).
        transfer: how embeddings are made: a name in ``finkd.models.transfers``, or that ``name`` with settings.
    """

    algorithm: str = "wordpiece"
    size: PositiveInt = 8000
    lowercase: bool = True
    sentences: NonNegativeInt = 0
    tokenizer: str = ""
    start: Literal["scratch", "grow", "trim"] = "scratch"
    growth: Growth = GROWTH
    minimum: PositiveInt = 1
    protect: Protection = LEARNED
    protect_file: str = ""
    general: str = ""
    weight: Annotated[float, Field(gt=0, lt=1)] = 0.5
    names: PositiveInt = 1
    transfer: str | Mapping[str, Any] = "characters"
    version: ClassVar[int] = 2
    makes_smaller: ClassVar[bool] = True

    @property
    def sources(self) -> frozenset[Source]:
        """The sentences that the vocabulary is made from."""
        return frozenset({"gold", "text"})

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the settings; the new model has the new vocabulary."""
        self.method()
        given = self._given() if self.tokenizer else None
        if given is None and self.start == "scratch" and self.algorithm not in algorithms:
            raise ConfigError(f"replace-vocabulary.algorithm: {unknown('vocabularies', self.algorithm, algorithms)}")
        if self.start == "scratch":  # a changed vocabulary has the special tokens that it had
            spec = replace(spec, has_mask_token=given is None or "mask" in given.special_ids)
        if given is not None or self.start == "grow" or spec.sizes is None:
            return spec
        return spec.shaped(spec.sizes.cut(entries=self.size))

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The text learned from, or the tokenizer taken; what the transfer needs."""
        transfer = self.method()
        parts: dict[str, Any] = {"transfer": described(transfer)}
        text = {"corpus": context.corpus, "text": context.text.fingerprint if context.text else None}
        if self.tokenizer:
            parts["tokenizer"] = self._given().fingerprint
        else:
            parts |= text
        if self.protect_file:
            parts["protect_file"] = list(read_entries(self.protect_file))
        if self.general:
            parts["general"] = corpora.fingerprint(self.general)
        if transfer.needs_text:
            parts |= text
        if transfer.needs_seed:
            parts["seed"] = context.seed
        return parts

    def run(self, model: Model, context: Context) -> StageResult:
        """The model under its new vocabulary."""
        transfer = self.method()
        drawn: Sequence[Sentence] = ()
        if context.text and (transfer.needs_text or not self.tokenizer):
            drawn = context.text.draw(self.sentences or None)
        texts = [sentence.text for sentence in chain(context.train, drawn)]
        tokenizer = self._given() if self.tokenizer else self._made(texts, model.tokenizer)
        return StageResult(replace_vocabulary(model, tokenizer, transfer, texts, context.seed))

    def method(self) -> Transfer:
        """Return the method that makes the embeddings.

        Raises:
            ConfigError: if the name is unknown, or a setting is wrong.
        """
        settings = {"name": self.transfer} if isinstance(self.transfer, str) else dict(self.transfer)
        name = str(settings.pop("name", ""))
        if name not in transfers:
            raise ConfigError(f"replace-vocabulary.transfer: {unknown('transfers', name, transfers)}")
        return build(transfers.get(name), settings, "replace-vocabulary.transfer")

    def _given(self) -> Tokenizer:
        given = Tokenizer.load(self.tokenizer)
        if "pad" not in given.special_ids:
            raise ConfigError(f"replace-vocabulary.tokenizer: {self.tokenizer} has no padding token; set its pad_token")
        if self.start != "scratch":
            raise ConfigError(
                f"replace-vocabulary.start: a tokenizer is given, so there is nothing to {self.start}; drop one"
            )
        return given

    def _made(self, texts: list[str], teacher: Tokenizer) -> Tokenizer:
        counts = vocabulary.count_words(texts, names=self.names)
        if self.general:
            counts = vocabulary.mix_counts(corpora.stream(self.general), counts, self.weight)
        protect = self.protect
        if self.protect_file:
            protect = replace(protect, entries=(*protect.entries, *read_entries(self.protect_file)))
        if self.start == "grow":
            return vocabulary.grow(teacher, counts, growth=self.growth, protect=protect)
        if self.start == "trim":
            return vocabulary.trim(teacher, counts, minimum=self.minimum, size=self.size, protect=protect)
        return vocabulary.train(counts, self.algorithm, self.size, lowercase=self.lowercase, protect=protect)
