"""Less but better text for the stages that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.special import log_softmax

from finkd.corpora.sentence import Sentence
from finkd.corpora.text.selection import Doubles, distinct, likeness, quality, ranks
from finkd.corpora.text.sentence_file import SentenceFile
from finkd.data.raw_text import kept
from finkd.inference.tagger import AnyTagger, sentence_logits
from finkd.models.model import Model
from finkd.settings import described
from finkd.stages.stage import TAGGER, Context, Source, Stage, StageResult


@dataclass(frozen=True)
class Select(Stage):
    """Let the stages that follow read only a part of the raw text (*Textbooks Are All You Need*, arXiv 2306.11644).

    The model stays as it is.

    Attributes:
        on: raw ``"text"`` of the domain, or ``"general"`` text.
        keep: share of the sentences that is kept, near-duplicates counted among those that are not.
        by: what the best ones have most of: ``"quality"`` (rules for running text), ``"domain"`` (words of the labelled
            sentences) and ``"uncertainty"`` of the experiment's teacher about their labels; the ranks are averaged.
            Without any, the first ones of the text are kept.
        similarity: Jaccard similarity, as sets of three words in a row, from which a sentence counts as a
            near-duplicate of an earlier one; 1 keeps near-duplicates.
    """

    on: Literal["text", "general"] = "text"
    keep: Annotated[float, Field(gt=0, le=1)] = 0.5
    by: tuple[Literal["quality", "domain", "uncertainty"], ...] = ("quality", "domain")
    similarity: Annotated[float, Field(gt=0, le=1)] = 0.8
    version: ClassVar[int] = 1

    @property
    def sources(self) -> frozenset[Source]:
        """The text that is selected from."""
        return frozenset({self.on})

    def selected(self) -> Mapping[Source, float]:
        """The fraction that is kept."""
        return {self.on: self.keep}

    def teachers(self) -> tuple[str, ...]:
        """The tagger, if its uncertainty counts."""
        return (TAGGER,) if "uncertainty" in self.by else ()

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The text, and what it is measured by."""
        taught = context.teacher_named(TAGGER, "select.by: uncertainty") if self.teachers() else None
        return {
            "text": context.source_fingerprint(self.on, "select"),
            "domain": context.corpus if "domain" in self.by else None,
            "teacher": taught.key if taught else None,
            "precision": context.precision,
        }

    def narrowed(self, context: Context) -> Context:
        """Return the context of the stages that follow."""
        chosen = Selected(self, context)
        return replace(context, general=chosen) if self.on == "general" else replace(context, text=chosen)

    def run(self, model: Model, context: Context) -> StageResult:
        """A copy of the model, as it was."""
        return StageResult(model.copied())


@dataclass(frozen=True)
class Selected:
    """A part of a raw text; which one is found out when it is first read, and kept in the store.

    Attributes:
        how: what is chosen.
        context: of the stage.
    """

    how: Select
    context: Context = field(repr=False)

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides which sentences these are."""
        return {**described(self.how), "version": self.how.version, "depends": self.how.cache_inputs(self.context)}

    def draw(self, sentences: int | None = None) -> SentenceFile:
        """The sentences, or as many of the first ones; all, if fewer were chosen."""
        return self._drawn[:sentences]

    @cached_property
    def _drawn(self) -> SentenceFile:
        every = self.context.sentences(self.how.on)
        return kept(self.context.store, self.fingerprint, lambda: (every[index] for index in self._chosen(every)))

    def _chosen(self, every: Sequence[Sentence]) -> list[int]:
        """Indices of the best sentences, in the order of the text."""
        kept = distinct(every, self.how.similarity) if self.how.similarity < 1 else list(range(len(every)))
        room = max(1, round(self.how.keep * len(every)))
        if not self.how.by or len(kept) <= room:
            return kept[:room]
        left = [every[index] for index in kept]
        order = np.argsort(-ranks([self._scores(by, left) for by in self.how.by]), kind="stable")
        return [kept[place] for place in np.sort(order[:room])]

    def _scores(self, by: str, sentences: Sequence[Sentence]) -> Doubles:
        if by == "quality":
            return quality(sentences)
        if by == "domain":
            return likeness(sentences, self.context.train)
        assert self.context.teacher is not None
        return _uncertainty(sentences, self.context.teacher.open_tagger(), self.context.precision)


def _uncertainty(sentences: Sequence[Sentence], teacher: AnyTagger, precision: str) -> Doubles:
    """(sentences,) mean entropy of a tagger's label distributions, in nats, over the words that it covers."""
    found = np.zeros(len(sentences))
    for index, scores in enumerate(sentence_logits(sentences, teacher, precision=precision)):
        log_p = log_softmax(scores[~np.isnan(scores).any(axis=1)].astype(np.float64), axis=1)
        if len(log_p):
            found[index] = -(np.exp(log_p) * log_p).sum(axis=1).mean()
    return found
