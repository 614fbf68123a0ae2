"""The training loop."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from finkd.corpora.errors import FinkdError
from finkd.data.batches import Batch, TrainingData
from finkd.data.prefetch import prefetched
from finkd.data.sampler import training_batches
from finkd.losses.alignment import to_device
from finkd.losses.term import Loss, ModelOutputs
from finkd.machine import processes
from finkd.machine.memory import keep_freed_memory
from finkd.machine.precision import resolve_precision
from finkd.models.model import Model
from finkd.progress import Progress
from finkd.tokenization.tokens import Longs
from finkd.training.callbacks import Callback
from finkd.training.checkpoints import Checkpoint, load_optimizers, optimizer_tensors
from finkd.training.dropout import set_dropout
from finkd.training.loss_weighting import WeightedSum
from finkd.training.master_weights import MasterWeights
from finkd.training.optimizers import optimizers
from finkd.training.schedule import Course, Schedule
from finkd.training.step import TrainingStep, required_by, width_map
from finkd.training.teacher_outputs import TeacherOutputs
from finkd.training.weight_averaging import Averaging
from finkd.training.weight_constraints import Constrained, Constraint


class DivergedError(FinkdError, ArithmeticError):
    """Raised when the loss or gradient is not finite; the weights keep the values of the step before."""


class BatchRequest(NamedTuple):
    """Rows of a batch, its seed, and the share of its text that is in the teacher's tokens."""

    rows: Longs
    seed: tuple[int, int]
    mixed: float


class Loop:
    """State of a training: model, optimizers, batches and callbacks.

    Args and errors are those of ``finkd.training.trainer.train``.
    """

    def __init__(
        self,
        model: Model,
        data: TrainingData,
        losses: Sequence[Loss],
        schedule: Schedule,
        seed: int,
        teacher: TeacherOutputs | None,
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
        self.batches = training_batches(data.lengths, schedule.batch_tokens, seed, schedule.epochs)
        self.course = Course(schedule, len(self.batches))
        self.requirements = required_by(losses)
        device = self.accelerator.device
        model.network.to(device)
        set_dropout(model.network, schedule.dropout)
        to_width = width_map(model, teacher.model if teacher else None, self.requirements, seed)
        made = optimizers(model, to_width, schedule)
        precision, apart = resolve_precision(schedule.precision), constraint is not None
        bare = TrainingStep(model, to_width, losses, teacher, device, precision, apart).to(device)
        parts: dict[str, nn.Module | None] = {"network": model.network, "projection": to_width}
        self.trained = nn.ModuleDict({name: part for name, part in parts.items() if part is not None}).to(device)
        self.masters = MasterWeights(self.trained, bare)
        self.computing = replace(model, network=bare.network) if constraint else model
        self.schedulers = [LambdaLR(optimizer, self.course.rate) for optimizer in made]
        self.step, *self.optimizers = self.accelerator.prepare(bare, *made)
        self.dense = [parameter for group in self.optimizers[0].param_groups for parameter in group["params"]]
        balanced = schedule.gradient_norm_balancing
        self.weigh = WeightedSum(losses, self.masters.working(self.dense), balanced)
        self.callbacks: list[Callback] = [self.weigh]
        if schedule.averaging:
            self.callbacks.append(Averaging(self.trained, schedule.averaging))
        if constraint:
            self.callbacks.append(Constrained(constraint, model.network, bare.network))
        self.number = self.tokens = 0
        self.resumed: Progress | None = None

    @property
    def is_over(self) -> bool:
        """Whether all steps are done, or the time budget is spent."""
        return self.course.done(self.number) >= self.course.steps

    def run(self, found: Checkpoint | None) -> int:
        """Run the remaining steps, from a checkpoint if there is one; return the number of tokens seen."""
        if found is not None:
            self._restore(found)
        for callback in self.callbacks:
            callback.begin(self._done)
        self.step.train()
        self.course.update_elapsed()
        with contextlib.closing(prefetched(self._collate, self._requests())) as batches:
            for batch, known in batches:
                loss = self._next(batch, known)
                self.course.update_elapsed()
                progress = self._progress(loss)
                for callback in self.callbacks:
                    callback.after_step(progress)
                if self.is_over:
                    break
        for callback in self.callbacks:
            callback.end(self._done)
        self.trained.train(False)
        return self.tokens

    def resume(self) -> None:
        """Return to training mode after a callback has used the model; its time does not count."""
        self.step.train()
        self.course.skip()

    def _progress(self, loss: float | None) -> Progress:
        done = round(self.course.done(self.number))
        return Progress(done, self.course.steps, loss, self.tokens, self.course.elapsed, self.resumed)

    @property
    def _done(self) -> float:
        """Share of the training that is done."""
        return self.course.done(self.number) / max(1, self.course.steps)

    def _requests(self) -> Iterator[BatchRequest]:
        """Yield a request for each remaining batch; none if the training is over."""
        for number in range(self.number, 0 if self.is_over else len(self.batches)):
            mixed = self.schedule.mixing * (1 - self.course.done(number + 1) / self.course.steps)
            yield BatchRequest(self.batches[number], (self.seed, number + 1), mixed)

    def _collate(self, request: BatchRequest) -> tuple[Batch, ModelOutputs | None]:
        """Return a batch, and cached teacher outputs if there are any."""
        batch = self.data.batch(request.rows, self.requirements, request.seed, request.mixed)
        return batch, self.teacher.read(request.rows, batch.word_ids) if self.teacher else None

    def _next(self, batch: Batch, known: ModelOutputs | None) -> float:
        """Run one step and return its loss."""
        self.number += 1
        torch.manual_seed(step_seed(self.seed, self.number, processes.number()))
        batch, known = to_device((batch, known), self.accelerator.device)
        loss = self.weigh(self.step(batch, known))
        self.accelerator.backward(loss)
        self.masters.take_gradients()
        # Adam is blind to the scale of a gradient, so sparse embeddings lose nothing by not being clipped.
        norm = self.accelerator.clip_grad_norm_(self.dense, self.schedule.clip)
        value: float = loss.item()
        if not (math.isfinite(value) and math.isfinite(norm)):
            found = f"loss is {value} and its gradient's norm {float(norm)}"
            raise DivergedError(f"training: the {found} at step {self.number}; lower schedule.learning_rate")
        for callback in self.callbacks:
            callback.before_update()
        for stepped in (*self.optimizers, *self.schedulers):
            stepped.step()
        self.masters.give_weights()
        for callback in self.callbacks:
            callback.after_update(self._done)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        self.tokens += len(batch.student.tokens)
        return value

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self.trained.named_parameters():
            yield f"weights.{name}", parameter.detach()

    def checkpoint(self) -> Checkpoint | None:
        """Return the state of the training; ``None`` after the last step."""
        if self.is_over:
            return None
        tensors, facts = optimizer_tensors(self.optimizers)
        tensors |= dict(self._weights())
        for callback in self.callbacks:
            tensors |= callback.tensors()
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
        for scheduler in self.schedulers:
            scheduler.last_epoch = self.number
        for callback in self.callbacks:
            callback.restore(self.number, found.tensors)


def step_seed(*parts: int) -> int:
    """Return the seed of a step; it does not depend on earlier steps, so that training can resume anywhere."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])
