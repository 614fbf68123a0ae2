"""Extractive question answering, trained by the loop that trains taggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import PositiveInt
from torch import Tensor

from finkd.compression.quantization import without_packed_bytes
from finkd.corpora.tasks.questions import Question
from finkd.data.batches import TrainingData
from finkd.data.encoding import Encoded
from finkd.inference.prediction import on_fastest_device, read
from finkd.losses.term import Loss, Requirement, StepOutputs
from finkd.models.heads import with_answer_head
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.settings import later
from finkd.suites.few_bits import Bits, constraint, with_rounded_embeddings
from finkd.suites.reading import chosen, joined
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs, Tokens
from finkd.training.checkpoints import Checkpoints
from finkd.training.schedule import Schedule
from finkd.training.teacher_outputs import CachedLogits
from finkd.training.trainer import train

_BEST = 20
"""Number of best starts and ends of each window that are combined, as in BERT's scripts."""
_FRAME = 4
"""Most special tokens around a question and a window, RoBERTa's."""


@dataclass(frozen=True)
class AnswerSettings:
    """Settings of question answering.

    Attributes:
        schedule: of training.
        limit: most tokens of a question with its window.
        stride: overlap of two windows of a paragraph, in tokens.
        question: most tokens of a question.
        longest: most tokens of an answer.
        bits: of a weight of the layers while answers are learned, and afterwards; 0 leaves weights as they are.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(epochs=3.0, learning_rate=1e-4))
    limit: PositiveInt = 256
    stride: PositiveInt = 96
    question: PositiveInt = 64
    longest: PositiveInt = 30
    bits: Bits = later(0)

    def __post_init__(self) -> None:
        """Refuse a limit that leaves a window of the paragraph nothing new beside the longest question."""
        taken = self.question + self.stride + _FRAME
        if self.limit <= taken:
            raise ValueError(f"expected a limit above question + stride + {_FRAME} special tokens, {taken}")


@dataclass(frozen=True)
class Windows:
    """Questions, each with every window of its paragraph.

    Attributes:
        encoded: the windows; every token is a word.
        source: (windows,) number of the question of each.
        starts: (tokens,) first character of each token in the paragraph, -1 for tokens outside it.
        ends: (tokens,) the character after its last one.
        too_long: number of questions whose paragraph does not fit one window.
        shortened: number of questions that were truncated.
    """

    encoded: Encoded
    source: Longs
    starts: Longs
    ends: Longs
    too_long: int
    shortened: int


def windows(questions: Sequence[Question], tokenizer: Tokenizer, settings: AnswerSettings, limit: int) -> Windows:
    """Tokenize questions, each followed by a window of the paragraph.

    A model that reads less than the settings ask for gives a question half of that at most, and the overlap a quarter.
    """
    asked = tokenizer.encode([question.text for question in questions])
    contexts = tokenizer.encode([question.context for question in questions])
    frame = tokenizer.backend.num_special_tokens_to_add(is_pair=True)
    longest, stride = settings.question, settings.stride
    if longest + stride >= limit - frame:
        longest, stride = min(longest, (limit - frame) // 2), min(stride, (limit - frame) // 4)
    total = int(asked.rows[-1])
    places: list[Longs] = []
    source: list[int] = []
    shortened = 0
    for row in range(len(questions)):
        ours = np.arange(asked.rows[row], asked.rows[row + 1])
        theirs = total + np.arange(contexts.rows[row], contexts.rows[row + 1])
        kept = min(len(ours) - 2, longest)
        shortened += kept < len(ours) - 2
        room = limit - frame - kept
        inner = theirs[1:-1]
        for start in range(0, max(1, len(inner) - stride), room - stride):
            part = inner[start : start + room]
            places.append(np.concatenate((ours[: 1 + kept], *[ours[-1:]] * (frame - 2), part, theirs[-1:])))
            source.append(row)
    both = joined(asked, contexts)
    sources = np.array(source, np.int64)
    tokens = chosen(both, places, sources)
    flat = np.concatenate(places)
    inside = (flat >= total) & ~tokens.framing
    shift = np.repeat(asked.lengths[sources] + 1, np.diff(tokens.rows))
    encoded = Encoded.of(tokens, np.arange(len(flat)), tokens.rows, tokenizer, is_paired=True)
    return Windows(
        encoded,
        sources,
        np.where(inside, tokens.starts - shift, -1),
        np.where(inside, tokens.ends - shift, -1),
        int((np.bincount(sources, minlength=len(questions)) > 1).sum()),
        shortened,
    )


@dataclass(frozen=True)
class AnswerData(TrainingData):
    """Windows in which every token is a word that may start or end the answer."""

    @classmethod
    def read(cls, questions: Sequence[Question], read: Windows, limit: int) -> AnswerData:
        """Label windows with their answers; without an answer in a window, the label is at the opening token."""
        tokens = read.encoded.tokens
        labels = np.zeros((len(tokens.ids), 3), np.int64)
        labels[:, 0] = np.repeat(np.arange(len(read.source)), np.diff(tokens.rows))
        for window, source in enumerate(read.source.tolist()):
            begin, end = _answer(questions[source], read, window)
            labels[begin, 1] = labels[end, 2] = 1
        nowhere = np.zeros(len(tokens.ids), np.int32)
        every = np.arange(len(tokens.ids))
        return cls(read.encoded, nowhere, nowhere, labels, np.ones(len(every), np.bool_), every, limit=limit)

    def _covered(self, rows: Longs, words: Longs, *sides: Tokens) -> tuple[Longs, Longs]:
        return words, np.stack([np.arange(len(tokens.ids)) for tokens in sides])


def _answer(question: Question, read: Windows, window: int) -> tuple[int, int]:
    """Return the first and last token of the first answer, if the window holds all of it, else the opening token."""
    first, last = read.encoded.tokens.rows[window : window + 2].tolist()
    if question.answers:
        text, start = question.answers[0]
        end = start + len(text)
        starts, ends = read.starts[first:last], read.ends[first:last]
        begins = np.flatnonzero((starts >= 0) & (starts <= start) & (ends > start))
        closes = np.flatnonzero((starts >= 0) & (starts < end) & (ends >= end))
        if len(begins) and len(closes):
            return first + int(begins[0]), first + int(closes[-1])
    return first, first


@dataclass(frozen=True)
class AnswerSpan(Loss):
    """Mean over windows of the cross-entropies of the answer's start and end, halved.

    Devlin et al. 2019, section 4.2. ``labels`` are (tokens, 3): the window of each, whether the answer starts there and
    whether it ends there. With a temperature, the teacher's probabilities replace the gold labels.

    Attributes:
        temperature: of the teacher's probabilities; ``None`` learns from gold.
    """

    temperature: float | None = None
    requires: ClassVar[Requirement] = Requirement.LABELS | Requirement.WORD_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar."""
        assert outputs.student.word_logits is not None
        assert outputs.labels is not None
        tau = 1.0 if self.temperature is None else self.temperature
        _, window = torch.unique_consecutive(outputs.labels[:, 0], return_inverse=True)
        said = _log_softmax(outputs.student.word_logits.float() / tau, window)
        right = outputs.labels[:, 1:].float()
        if self.temperature is not None:
            assert outputs.teacher.word_logits is not None
            right = _log_softmax(outputs.teacher.word_logits.float() / tau, window).exp()
        return -(tau**2) * (right * said).sum() / (2 * (int(window.max()) + 1))


def _log_softmax(scores: Tensor, group: Tensor) -> Tensor:
    """Return the logarithm of the softmax over the rows of each group, for each column."""
    index = group.unsqueeze(1).expand_as(scores)
    shape = (int(group.max()) + 1, scores.shape[1])
    most = scores.new_full(shape, -torch.inf).scatter_reduce(0, index, scores.detach(), "amax").gather(0, index)
    total = scores.new_zeros(shape).scatter_add(0, index, (scores - most).exp()).log().gather(0, index)
    return scores - most - total


def learn_answers(
    model: Model,
    questions: Sequence[Question],
    settings: AnswerSettings,
    seed: int,
    listen: Listener | None = None,
    teacher: Model | None = None,
    checkpoints: Checkpoints | None = None,
) -> Model:
    """Train a model for question answering, with a new head on a copy of an encoder."""
    learner = with_answer_head(without_packed_bytes(model), seed)
    limit = min(settings.limit, learner.max_length)
    found = windows(questions, learner.tokenizer, settings, limit)
    terms = [AnswerSpan()]
    taught = None
    if teacher is not None:
        terms.append(AnswerSpan(temperature=2.0))
        taught = CachedLogits(torch.from_numpy(token_scores(teacher, found.encoded)))
    read = AnswerData.read(questions, found, limit)
    bits = constraint(learner, settings.bits)
    train(learner, read, terms, settings.schedule, seed, taught, listen, checkpoints, constraint=bits)
    learner.network.to("cpu")  # type: ignore[arg-type]
    return with_rounded_embeddings(learner, settings.bits)


def token_scores(model: Model, encoded: Encoded) -> npt.NDArray[np.float32]:
    """Compute (tokens, 2) logits of the start and the end of an answer."""
    found = np.zeros((len(encoded.tokens.ids), 2), np.float32)
    for at, side in read(on_fastest_device(model), encoded):
        assert side.word_logits is not None
        found[at] = side.word_logits.float().cpu().numpy()
    return found


@dataclass(frozen=True)
class Answer:
    """Best answer to a question.

    Attributes:
        text: span of the paragraph.
        no_answer: score of no answer, minus that of the best one.
    """

    text: str
    no_answer: float


def answer(model: Model, questions: Sequence[Question], settings: AnswerSettings) -> tuple[list[Answer], int]:
    """Return the best answer to each question over all windows, and the number of paragraphs with several windows."""
    limit = min(settings.limit, model.max_length)
    found = windows(questions, model.tokenizer, settings, limit)
    scores = token_scores(model, found.encoded)
    best = [(-np.inf, "")] * len(questions)
    none = np.full(len(questions), np.inf)
    rows = found.encoded.tokens.rows.tolist()
    for window, source in enumerate(found.source.tolist()):
        first, last = rows[window], rows[window + 1]
        none[source] = min(none[source], float(scores[first].sum()))
        span = _best_span(scores[first:last], found.starts[first:last] >= 0, settings.longest)
        if span is not None and span[0] > best[source][0]:
            text = questions[source].context[found.starts[first + span[1]] : found.ends[first + span[2]]]
            best[source] = (span[0], text)
    pairs = zip(best, none.tolist(), strict=True)
    return [Answer(text, least - score) for (score, text), least in pairs], found.too_long


def _best_span(
    scores: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_], longest: int
) -> tuple[float, int, int] | None:
    """Return score, first and last token of the best answer within the paragraph."""
    open_to = np.where(inside[:, None], scores, -np.inf)
    begins, ends = (np.argsort(-open_to[:, side], kind="stable")[:_BEST] for side in (0, 1))
    total = open_to[begins, 0][:, None] + open_to[ends, 1][None]
    length = ends[None] - begins[:, None]
    total[(length < 0) | (length >= longest)] = -np.inf
    row, column = divmod(int(total.argmax()), len(ends))
    if not np.isfinite(total[row, column]):
        return None
    return float(total[row, column]), int(begins[row]), int(ends[column])
