"""The one training loop: every stage that changes weights goes through ``train``."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel

from corpora.errors import ConfigError, FinkdError
from finkd.aligned import to_device
from finkd.balance import Balance
from finkd.batches import Batch, TrainingData, by_length, plan
from finkd.forward import forward
from finkd.losses.term import Loss, Outputs, Side
from finkd.losses.vocabularies import Vocabularies
from finkd.mixing import both_vocabularies
from finkd.models import Model
from finkd.precision import Precision, resolve_precision
from finkd.progress import Listener, Progress
from finkd.states import States
from tokenization.tokenizer import Longs


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the data; the last one may be a part.
        learning_rate: peak of a linear warm-up and decay to zero.
        head_learning_rate: the same for the classification head, which starts from nothing.
        embedding_learning_rate: the same for the token embeddings; ``None`` takes ``learning_rate``, 0 freezes them. On
            little text, pieces that are seen move away from those that are not, which costs accuracy on new names.
        batch_tokens: pieces of one batch, padding included.
        warmup: share of the steps that warm up.
        weight_decay: of matrices; biases and norms have none.
        clip: largest norm of the gradient.
        dropout: of hidden states; attention is not dropped, because drawing its mask costs 15 % of a step on a CPU.
        precision: ``"auto"`` (the experiment's), ``"fp32"`` or ``"bf16"``.
        balance: whether to scale the loss terms so that their gradients are equally large (``finkd.balance``).
        seconds: the training ends after this time, if its epochs have not ended before, and its learning rates fall by
            the clock; how many steps that makes depends on the machine.
        mixing: share of the text that the student reads in the teacher's pieces at first; it falls to 0 at a constant
            rate (``finkd.mixing``).
    """

    epochs: NonNegativeFloat = 5
    learning_rate: PositiveFloat = 1e-4
    head_learning_rate: NonNegativeFloat = 1e-3
    embedding_learning_rate: NonNegativeFloat | None = None
    batch_tokens: PositiveInt = 1024
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.1
    weight_decay: NonNegativeFloat = 0.01
    clip: PositiveFloat = 1.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    precision: Precision = "auto"
    balance: bool = False
    seconds: PositiveFloat | None = None
    mixing: Annotated[float, Field(ge=0, le=1)] = 0.0


class DivergedError(FinkdError, ArithmeticError):
    """A training whose loss is no number any more; nothing of it is kept."""


@dataclass(frozen=True)
class Teacher:
    """What a student learns from.

    Attributes:
        model: the teacher, asked for its states while the student trains; ``None`` if no term needs them.
        logits: (words, labels) its label scores of all words of the data, computed once; ``None`` if no term needs
            them.
        states: the teacher's hidden states of all pieces, if they were computed before; it is not run then.
    """

    model: Model | None = None
    logits: Tensor | None = None
    states: States | None = None


def train(
    model: Model,
    data: TrainingData,
    losses: Sequence[Loss],
    schedule: Schedule,
    seed: int,
    teacher: Teacher | None = None,
    listen: Listener | None = None,
) -> int:
    """Train a model in place.

    Args:
        model: a tagger, or an encoder.
        data: its examples.
        losses: terms whose weighted sum is minimised.
        schedule: how long and how fast.
        seed: decides the batches and the dropout; equal seeds give equal weights on one machine.
        teacher: what the terms that need one learn from.
        listen: called after every step.

    Returns:
        the number of non-padding pieces that the student saw.

    Raises:
        ConfigError: if the schedule mixes vocabularies and there is no teacher to mix with.
        DivergedError: if the loss is not finite.
    """
    if not schedule.mixing:
        return _train(model, data, losses, schedule, seed, teacher or Teacher(), listen)
    if teacher is None or teacher.model is None or data.teacher is None:
        raise ConfigError("schedule.mixing: needs a loss that looks at the teacher's states, such as span-hidden")
    with both_vocabularies(model, teacher.model):
        return _train(model, data, losses, schedule, seed, teacher, listen)


def _train(
    model: Model,
    data: TrainingData,
    losses: Sequence[Loss],
    schedule: Schedule,
    seed: int,
    teacher: Teacher,
    listen: Listener | None,
) -> int:
    torch.manual_seed(seed)
    AcceleratorState._reset_state()  # its precision is otherwise fixed for the life of the process
    accelerator = Accelerator(mixed_precision="bf16" if resolve_precision(schedule.precision) == "bf16" else "no")
    batches = _batches(data, schedule, seed)
    step = _Step(model, losses, teacher, seed, accelerator.device)
    optimizers = _optimizers(model, step.projection, schedule)
    course = _Course(schedule, len(batches))
    schedulers = [LambdaLR(optimizer, course.rate) for optimizer in optimizers]
    step, *optimizers = accelerator.prepare(step, *optimizers)
    dense = [parameter for group in optimizers[0].param_groups for parameter in group["params"]]
    balance = Balance(losses, dense, schedule.balance)
    _set_dropout(model.network, schedule.dropout)
    model.network.train()
    tokens = 0
    for number, rows in enumerate(batches, start=1):
        mixed = schedule.mixing * (1 - course.done(number) / course.steps)
        batch = to_device(data.batch(rows, step.needs, (seed, number), mixed), accelerator.device)
        known = to_device(teacher.states.side(rows), accelerator.device) if teacher.states else None
        with accelerator.autocast():
            loss = balance(step(batch, known))
        accelerator.backward(loss)
        # Adam is blind to the scale of a gradient, so sparse embeddings lose nothing by not being clipped.
        accelerator.clip_grad_norm_(dense, schedule.clip)
        for stepped in (*optimizers, *schedulers):
            stepped.step()
        for optimizer in optimizers:
            optimizer.zero_grad()
        tokens += len(batch.student.pieces)
        value = loss.item()
        if not math.isfinite(value):
            raise DivergedError(f"training: the loss is {value} at step {number}; lower schedule.learning_rate")
        if listen is not None:
            listen(Progress(round(course.done(number)), course.steps, value, tokens, course.elapsed))
        if course.done(number) >= course.steps:
            break
    # Without this the network would go on computing in the training's precision, and carry a wrapper for each stage.
    accelerator.unwrap_model(step, keep_fp32_wrapper=False)
    model.network.train(False)
    return tokens


class _Course:
    """How far a training has come, by its steps or by the clock, whichever is further."""

    def __init__(self, schedule: Schedule, steps: int) -> None:
        self.steps = steps
        self.warmup = round(schedule.warmup * steps)
        self.seconds = schedule.seconds
        self.began = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.began

    def done(self, step: int) -> float:
        """What of ``steps`` is done after a step."""
        clock = self.steps * self.elapsed / self.seconds if self.seconds else 0.0
        return min(max(step, clock), self.steps)

    def rate(self, step: int) -> float:
        """Factor of the learning rates: a straight line up and another one down to zero."""
        done = self.done(step)
        if done < self.warmup:
            return done / self.warmup
        return (self.steps - done) / max(1, self.steps - self.warmup)


def _batches(data: TrainingData, schedule: Schedule, seed: int) -> list[Longs]:
    """Rows of every batch of the training."""
    epochs = [plan(data.lengths, schedule.batch_tokens, seed, epoch) for epoch in range(math.ceil(schedule.epochs))]
    if epochs:
        part = schedule.epochs - len(epochs) + 1
        epochs[-1] = epochs[-1][: round(part * len(epochs[-1]))]
    return list(chain.from_iterable(epochs))


def _set_dropout(network: nn.Module, share: float) -> None:
    for name, module in network.named_modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0 if name.endswith(("attention.self.dropout", "attention.dropout")) else share


class _Step(nn.Module):
    """The forward half of a step: runs both models, no further than the active terms need."""

    def __init__(
        self, student: Model, losses: Sequence[Loss], teacher: Teacher, seed: int, device: torch.device
    ) -> None:
        super().__init__()
        self.network = student.network
        self.losses = losses
        self.needs = frozenset[str]().union(*(loss.needs for loss in losses))
        self.projection = _projection(student, teacher.model, self.needs, seed)
        self.logits = teacher.logits.to(device) if teacher.logits is not None else None
        # In a tuple the teacher is no part of this module, whose weights are trained.
        self.teacher: tuple[PreTrainedModel, ...] = ()
        self.vocabularies: Vocabularies | None = None
        self.embeddings: Tensor | None = None
        if teacher.model is not None:
            self.teacher = (teacher.model.network.to(device).train(False),)  # type: ignore[arg-type]
            self.vocabularies = Vocabularies(teacher.model.tokenizer, student.tokenizer, device)
            if "embeddings" in self.needs:
                self.embeddings = self.vocabularies.embeddings(teacher.model.embeddings.weight.detach())

    def forward(self, batch: Batch, known: Side | None = None) -> Tensor:
        """(terms,) unweighted losses of a batch; of what is known of the teacher's side, nothing is computed again."""
        masked = batch.aligned.masked if batch.aligned else None
        student = forward(self.network, batch.student, self.needs, masked.student.at if masked else None)
        outputs = Outputs(student, self._teach(batch, known), batch.labels, batch.aligned, self.vocabularies)
        if self.projection is not None:
            outputs = replace(outputs, project=self.projection)
        return torch.stack([loss(outputs) for loss in self.losses])

    @torch.no_grad()
    def _teach(self, batch: Batch, known: Side | None) -> Side:
        side = known or Side()
        needs = self.needs & {"hidden", "attention", "masked"}
        if known is None and needs and self.teacher and batch.teacher is not None:
            masked = batch.aligned.masked if batch.aligned else None
            side = forward(self.teacher[0], batch.teacher, needs, masked.teacher.at if masked else None)
        return replace(
            side,
            words=self.logits[batch.words] if self.logits is not None else None,
            embeddings=self.embeddings[batch.student.piece_ids] if self.embeddings is not None else None,
        )


def _projection(student: Model, teacher: Model | None, needs: frozenset[str], seed: int) -> nn.Linear | None:
    """A map from the student's states to the teacher's, where a term compares them and the widths differ."""
    if teacher is None or not needs & {"hidden", "embeddings"}:
        return None
    ours, theirs = student.encoder.config.hidden_size, teacher.encoder.config.hidden_size
    if "embeddings" in needs and student.embeddings.weight.shape[1] != ours:
        raise ConfigError(
            "losses.embedding: cannot compare factorised embeddings; span-hidden compares what they become"
        )
    if ours == theirs:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(ours, theirs, bias=False)


def _optimizers(model: Model, projection: nn.Module | None, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """AdamW in one fused kernel, and lazy Adam for the token embeddings.

    A batch touches a few hundred of the embeddings' tens of thousands of rows. Updating only those saves a third of a
    small student's step on a CPU, and rows that were not seen neither decay nor drift. A decoder that is tied to the
    embeddings reaches all rows, and then they are AdamW's too.
    """
    rate = schedule.embedding_learning_rate
    rate = schedule.learning_rate if rate is None else rate
    table = model.embeddings.weight
    model.embeddings.requires_grad_(rate > 0)
    model.embeddings.sparse = not model.has_masked_head
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    body = {id(parameter) for parameter in model.encoder.parameters()}
    for parameter in (*model.network.parameters(), *(projection.parameters() if projection else ())):
        if parameter is table:
            speed = 0.0 if model.embeddings.sparse else rate
        else:
            speed = schedule.learning_rate if id(parameter) in body else schedule.head_learning_rate
        if parameter.requires_grad and speed > 0:
            groups.setdefault((speed, parameter.ndim > 1), []).append(parameter)
    dense = [
        {"params": parameters, "lr": speed, "weight_decay": schedule.weight_decay if matrix else 0.0}
        for (speed, matrix), parameters in groups.items()
    ]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(dense, fused=True)]
    if rate > 0 and model.embeddings.sparse:
        optimizers.append(torch.optim.SparseAdam([table], lr=rate))
    return optimizers


@torch.inference_mode()
def word_logits(model: Model, data: TrainingData, batch_tokens: int = 4096, precision: str = "fp32") -> Tensor:
    """Label scores of every word of the data.

    Args:
        model: a tagger.
        data: examples under the tagger's own tokenizer, as the student side.
        batch_tokens: pieces of one batch, padding included.
        precision: as in ``Schedule``.

    Returns:
        (words, labels) float32; rows of words that no piece covers are NaN.
    """
    device = next(model.network.parameters()).device
    bf16 = resolve_precision(precision) == "bf16"
    scores = torch.full((len(data.student.first), len(model.labels)), torch.nan)
    model.network.train(False)
    for rows in by_length(np.argsort(data.lengths, kind="stable"), data.lengths, batch_tokens):
        batch = to_device(data.batch(rows), device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            found = forward(model.network, batch.student, frozenset()).words
        assert found is not None  # a tagger scores words
        scores[batch.words.cpu()] = found.float().cpu()
    return scores
