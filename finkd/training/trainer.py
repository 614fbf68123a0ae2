"""The one training loop: every stage that changes weights goes through ``train``."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from finkd.corpora.errors import ConfigError, FinkdError
from finkd.data.batches import TrainingData, plan
from finkd.losses.alignment import to_device
from finkd.losses.term import Loss
from finkd.models.model import Model
from finkd.progress import Listener, Progress
from finkd.system import processes
from finkd.system.memory import keep_freed_memory
from finkd.system.precision import resolve_precision
from finkd.tokenization.tokenizer import Longs
from finkd.training.checkpoints import Checkpoint, Checkpoints, load_optimizers, optimizer_tensors
from finkd.training.dropout import set_dropout
from finkd.training.gradient_norm_balancing import GradientNormBalancing
from finkd.training.master_weights import MasterWeights
from finkd.training.optimizers import optimizers
from finkd.training.schedule import Course, Schedule
from finkd.training.step import Step, Teacher, required_by, width_map
from finkd.training.vocabulary_mixing import both_vocabularies, check_mixing
from finkd.training.weight_constraints import Constrained, Constraint

Look = Callable[[Model, Progress], None]
"""Reads a model in the middle of its training."""


class DivergedError(FinkdError, ArithmeticError):
    """A training whose loss or gradient is no number any more; that step is not made."""


def train(
    model: Model,
    data: TrainingData,
    losses: Sequence[Loss],
    schedule: Schedule,
    seed: int,
    teacher: Teacher | None = None,
    listen: Listener | None = None,
    checkpoints: Checkpoints | None = None,
    look: Look | None = None,
    constraint: Constraint | None = None,
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
        checkpoints: where the state of the training is left now and then. A training that finds one there goes on from
            it and ends with the weights, to the bit, that it would have without an interruption.
        look: called after every step with the model as it is; may read it, and end the training by an exception.
        constraint: on what the network computes with; the model ends as it says.

    Returns:
        the number of non-padding tokens that the student saw.

    Raises:
        ConfigError: if the schedule mixes vocabularies and there is no teacher to mix with.
        DivergedError: if the loss or its gradient is not finite.
        StoreError: if a checkpoint cannot be written.
    """
    teacher = teacher or Teacher()
    with _vocabularies(model, data, losses, schedule, teacher):
        loop = _Loop(model, data, losses, schedule, seed, teacher, constraint)
        return loop.run(listen, checkpoints, look)


def _vocabularies(
    model: Model, data: TrainingData, losses: Sequence[Loss], schedule: Schedule, teacher: Teacher
) -> contextlib.AbstractContextManager[None]:
    """What the student reads while it is trained: its own vocabulary, or the teacher's as well."""
    if not schedule.mixing:
        return contextlib.nullcontext()
    check_mixing(schedule, losses)
    if teacher.model is None or data.teacher is None:
        raise ConfigError("schedule.mixing: needs a teacher, whose vocabulary is read too")
    return both_vocabularies(model, teacher.model)


class _Loop:
    """A training between two steps: everything that decides the next one."""

    def __init__(
        self,
        model: Model,
        data: TrainingData,
        losses: Sequence[Loss],
        schedule: Schedule,
        seed: int,
        teacher: Teacher,
        constraint: Constraint | None,
    ) -> None:
        keep_freed_memory()
        processes.join()
        self.accelerator = Accelerator(
            mixed_precision="no",  # whatever accelerate's own configuration says: MasterWeights are finkd's way
            # A term may look at a part of the network alone; without this the others would be waited for.
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
        self.model = model
        self.data = data
        self.schedule = schedule
        self.seed = seed
        self.teacher = teacher
        self.batches = _batches(data, schedule, seed)
        self.course = Course(schedule, len(self.batches))
        self.requirements = required_by(losses)
        device = self.accelerator.device
        model.network.to(device)
        set_dropout(model.network, schedule.dropout)
        to_width = width_map(model, teacher.model, self.requirements, seed)
        made = optimizers(model, to_width, schedule)
        precision, apart = resolve_precision(schedule.precision), constraint is not None
        bare = Step(model, to_width, losses, teacher, device, precision, apart).to(device)
        parts: dict[str, nn.Module | None] = {"network": model.network, "projection": to_width}
        self.trained = nn.ModuleDict({name: part for name, part in parts.items() if part is not None}).to(device)
        self.masters = MasterWeights(self.trained, bare)
        self.constrained = Constrained(constraint, model.network, bare.network) if constraint else None
        self.looked_at = replace(model, network=bare.network) if constraint else model
        self.schedulers = [LambdaLR(optimizer, self.course.rate) for optimizer in made]
        self.step, *self.optimizers = self.accelerator.prepare(bare, *made)
        self.dense = [parameter for group in self.optimizers[0].param_groups for parameter in group["params"]]
        self.balance = GradientNormBalancing(losses, self.masters.working(self.dense), schedule.gradient_norm_balancing)
        self.number = self.tokens = 0
        self.resumed: Progress | None = None

    @property
    def is_over(self) -> bool:
        """Whether all steps are done, or the time is up."""
        return self.course.done(self.number) >= self.course.steps

    def run(self, listen: Listener | None, checkpoints: Checkpoints | None, look: Look | None) -> int:
        """Do all steps that are left; returns the tokens seen."""
        if checkpoints is not None and (found := checkpoints.latest()) is not None:
            self._restore(found)
        if self.constrained:
            self.constrained.apply(self._done)
        self.step.train()
        self.course.look_at_clock()
        while not self.is_over:
            loss = self._next()
            self.course.look_at_clock()
            progress = self._progress(loss)
            if listen is not None:
                listen(progress)
            if look is not None:
                look(self.looked_at, progress)
                self.step.train()
                self.course.skip()
            if checkpoints is not None and processes.is_first() and checkpoints.due and not self.is_over:
                checkpoints.save(self._checkpoint())
        if self.constrained:
            self.constrained.settle(self._done)
        self.trained.train(False)
        return self.tokens

    def _progress(self, loss: float | None) -> Progress:
        done = round(self.course.done(self.number))
        return Progress(done, self.course.steps, loss, self.tokens, self.course.elapsed, self.resumed)

    @property
    def _done(self) -> float:
        """Share of the training."""
        return self.course.done(self.number) / max(1, self.course.steps)

    def _next(self) -> float:
        """One step; returns its loss."""
        rows = self.batches[self.number]
        self.number += 1
        torch.manual_seed(_seed(self.seed, self.number, processes.number()))
        mixed = self.schedule.mixing * (1 - self.course.done(self.number) / self.course.steps)
        batch = self.data.batch(rows, self.requirements, (self.seed, self.number), mixed)
        known = self.teacher.states.side(rows) if self.teacher.states else None
        batch, known = to_device((batch, known), self.accelerator.device)
        loss = self.balance(self.step(batch, known))
        self.accelerator.backward(loss)
        self.masters.take_gradients()
        # Adam is blind to the scale of a gradient, so sparse embeddings lose nothing by not being clipped.
        norm = self.accelerator.clip_grad_norm_(self.dense, self.schedule.clip)
        value: float = loss.item()
        if not (math.isfinite(value) and math.isfinite(norm)):
            found = f"loss is {value} and its gradient's norm {float(norm)}"
            raise DivergedError(f"training: the {found} at step {self.number}; lower schedule.learning_rate")
        if self.constrained:
            self.constrained.look()
        for stepped in (*self.optimizers, *self.schedulers):
            stepped.step()
        self.masters.give_weights()
        if self.constrained:
            self.constrained.apply(self._done)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        self.tokens += len(batch.student.tokens)
        return value

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self.trained.named_parameters():
            yield f"weights.{name}", parameter.detach()

    def _checkpoint(self) -> Checkpoint:
        tensors, facts = optimizer_tensors(self.optimizers)
        tensors |= dict(self._weights())
        if self.balance.norms is not None:
            tensors["balance"] = self.balance.norms
        if self.constrained:
            tensors |= self.constrained.tensors()
        facts |= {"step": self.number, "tokens": self.tokens, "seconds": self.course.elapsed}
        return Checkpoint(tensors, facts)

    def _restore(self, found: Checkpoint) -> None:
        for name, weight in self._weights():
            weight.copy_(found.tensors[name])
        self.masters.give_weights()
        load_optimizers(self.optimizers, found)
        self.number, self.tokens = found.facts["step"], found.facts["tokens"]
        self.course.elapsed = found.facts["seconds"]
        self.resumed = self._progress(None)
        self.balance.steps = self.number
        if "balance" in found.tensors:
            self.balance.norms = found.tensors["balance"].to(self.accelerator.device)
        for scheduler in self.schedulers:
            scheduler.last_epoch = self.number
        if self.constrained:
            self.constrained.restore(found.tensors)


def _seed(*parts: int) -> int:
    """A seed of the dropout of one step, from which an interrupted training can go on without knowing those before."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])


def _batches(data: TrainingData, schedule: Schedule, seed: int) -> list[Longs]:
    """Rows of every batch of the training."""
    epochs = [plan(data.lengths, schedule.batch_tokens, seed, epoch) for epoch in range(math.ceil(schedule.epochs))]
    if epochs:
        part = schedule.epochs - len(epochs) + 1
        epochs[-1] = epochs[-1][: max(1, round(part * len(epochs[-1])))]
    return list(chain.from_iterable(epochs))
