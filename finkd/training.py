"""The one training loop: every stage that changes weights goes through ``train``."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import get_linear_schedule_with_warmup

from corpora.errors import FinkdError
from finkd.batches import Batch, Inputs, TaggingData, by_length, plan
from finkd.losses.term import Loss, Outputs
from finkd.models import Model, hidden_states
from finkd.precision import Precision, resolve_precision

# On a CPU, PyTorch's fused attention takes five times as long in bf16 as the plain products do (measured without AMX).
ATTENTION = (
    [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
    if torch.cuda.is_available()
    else [SDPBackend.MATH]
)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the data.
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
    """

    epochs: NonNegativeInt = 5
    learning_rate: PositiveFloat = 1e-4
    head_learning_rate: NonNegativeFloat = 1e-3
    embedding_learning_rate: NonNegativeFloat | None = None
    batch_tokens: PositiveInt = 1024
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.1
    weight_decay: NonNegativeFloat = 0.01
    clip: PositiveFloat = 1.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    precision: Precision = "auto"


@dataclass(frozen=True)
class Progress:
    """One step of a training loop, for whoever shows it.

    Attributes:
        step: steps done.
        steps: steps in all.
        loss: the loss of the step.
        tokens: non-padding student pieces seen so far.
        seconds: time since the loop began.
    """

    step: int
    steps: int
    loss: float
    tokens: int
    seconds: float


class DivergedError(FinkdError, ArithmeticError):
    """A training whose loss is no number any more; nothing of it is kept."""


Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class Teacher:
    """What a student learns from.

    Attributes:
        model: the teacher, asked for hidden states while the student trains; ``None`` if no term needs them.
        logits: (words, labels) its label scores of all words of the data, computed once; ``None`` if no term needs
            them.
    """

    model: Model | None = None
    logits: Tensor | None = None


def train(
    model: Model,
    data: TaggingData,
    losses: Sequence[Loss],
    schedule: Schedule,
    seed: int,
    teacher: Teacher | None = None,
    listen: Listener | None = None,
) -> int:
    """Train a tagger in place.

    Args:
        model: the tagger.
        data: its examples.
        losses: terms whose weighted sum is minimised.
        schedule: how long and how fast.
        seed: decides the batches and the dropout; equal seeds give equal weights on one machine.
        teacher: what the terms that need one learn from.
        listen: called after every step.

    Returns:
        the number of non-padding pieces that the student saw.

    Raises:
        DivergedError: if the loss is not finite.
    """
    torch.manual_seed(seed)
    AcceleratorState._reset_state()  # its precision is otherwise fixed for the life of the process
    accelerator = Accelerator(mixed_precision="bf16" if resolve_precision(schedule.precision) == "bf16" else "no")
    epochs = (plan(data.lengths, schedule.batch_tokens, seed, epoch) for epoch in range(schedule.epochs))
    batches = list(chain.from_iterable(epochs))
    optimizers = _optimizers(model, schedule)
    warmup = round(schedule.warmup * len(batches))
    schedulers = [
        get_linear_schedule_with_warmup(optimizer, warmup, len(batches))  # type: ignore[no-untyped-call]
        for optimizer in optimizers
    ]
    network, *optimizers = accelerator.prepare(model.network, *optimizers)
    dense = [parameter for parameter in network.parameters() if parameter is not model.embeddings.weight]
    step = _Step(network, losses, teacher or Teacher(), accelerator)
    _set_dropout(network, schedule.dropout)
    network.train()
    began, tokens = time.perf_counter(), 0
    for number, rows in enumerate(batches, start=1):
        batch = data.batch(rows, pooled=step.needs_hidden).to(accelerator.device)
        with accelerator.autocast(), sdpa_kernel(ATTENTION):
            loss = step(batch)
        accelerator.backward(loss)
        # Adam is blind to the scale of a gradient, so the embeddings lose nothing by not being clipped.
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
            listen(Progress(number, len(batches), value, tokens, time.perf_counter() - began))
    # Without this the network would go on computing in the training's precision, and carry a wrapper for each stage.
    accelerator.unwrap_model(network, keep_fp32_wrapper=False).eval()
    return tokens


def _set_dropout(network: nn.Module, share: float) -> None:
    for name, module in network.named_modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0 if name.endswith(("attention.self.dropout", "attention.dropout")) else share


class _Step:
    """The forward half of a step: runs both models, no further than the active terms need."""

    def __init__(self, network: nn.Module, losses: Sequence[Loss], teacher: Teacher, accelerator: Accelerator) -> None:
        self.network = network
        self.losses = losses
        self.needs_hidden = any("hidden" in loss.needs for loss in losses)
        self.logits = teacher.logits.to(accelerator.device) if teacher.logits is not None else None
        self.teacher = teacher.model.network.to(accelerator.device).eval() if teacher.model is not None else None

    def __call__(self, batch: Batch) -> Tensor:
        student_logits, student_hidden = self._forward(self.network, batch.student)
        outputs = Outputs(
            student_logits,
            batch.labels,
            self.logits[batch.words] if self.logits is not None else None,
            student_hidden,
            self._teacher_hidden(batch),
            batch.pool.covered if batch.pool else None,
        )
        return torch.stack([loss.weight * loss(outputs) for loss in self.losses]).sum()

    def _forward(self, network: Any, side: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(words, labels) scores, and (pieces, width) states if they are needed."""
        if not self.needs_hidden:
            output = network(input_ids=side.ids, attention_mask=side.mask)
            return output.logits.flatten(0, 1)[side.words], ()
        logits, hidden = hidden_states(network, side.ids, side.mask)
        return logits.flatten(0, 1)[side.words], tuple(state.flatten(0, 1)[side.pieces] for state in hidden)

    @torch.no_grad()
    def _teacher_hidden(self, batch: Batch) -> tuple[Tensor, ...]:
        """States of the teacher averaged over each student piece, (student pieces, width) per layer."""
        if self.teacher is None or batch.teacher is None or batch.pool is None:
            return ()
        _, hidden = self._forward(self.teacher, batch.teacher)
        return tuple(batch.pool.average(state.float()) for state in hidden)


def _optimizers(model: Model, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """AdamW in one fused kernel, and lazy Adam for the token embeddings.

    A batch touches a few hundred of the embeddings' tens of thousands of rows. Updating only those saves a third of a
    small student's step on a CPU, and rows that were not seen neither decay nor drift.
    """
    rate = schedule.embedding_learning_rate
    rate = schedule.learning_rate if rate is None else rate
    model.embeddings.requires_grad_(rate > 0)
    model.embeddings.sparse = True
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    body = {id(parameter) for parameter in model.encoder.parameters()}
    for parameter in model.network.parameters():
        if parameter is not model.embeddings.weight:
            groups.setdefault((id(parameter) in body, parameter.ndim > 1), []).append(parameter)
    dense = [
        {
            "params": parameters,
            "lr": schedule.learning_rate if in_body else schedule.head_learning_rate,
            "weight_decay": schedule.weight_decay if matrix else 0.0,
        }
        for (in_body, matrix), parameters in groups.items()
    ]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(dense, fused=True)]
    if rate > 0:
        optimizers.append(torch.optim.SparseAdam([model.embeddings.weight], lr=rate))
    return optimizers


@torch.inference_mode()
def word_logits(model: Model, data: TaggingData, batch_tokens: int = 4096, precision: str = "fp32") -> Tensor:
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
        batch = data.batch(rows).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16), sdpa_kernel(ATTENTION):
            output: Any = model.network(input_ids=batch.student.ids, attention_mask=batch.student.mask)
        scores[batch.words.cpu()] = output.logits.flatten(0, 1)[batch.student.words].float().cpu()
    return scores
