"""A loss, a stage and a strategy of another package."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor

from finkd.losses.term import Loss, Requirement, StepOutputs
from finkd.models.model import Model
from finkd.stages.stage import Context, Stage, StageResult
from finkd.strategies.known import KnownStrategy


@dataclass(frozen=True)
class WordsMSE(Loss):
    """Mean squared difference of the scores of words (Ba and Caruana 2014, arXiv 1312.6184, equation 1)."""

    requires: ClassVar[Requirement] = Requirement.WORD_LOGITS

    def __call__(self, outputs: StepOutputs) -> Tensor:
        """Scalar mean over words and labels; 0 without words."""
        assert outputs.student.word_logits is not None
        assert outputs.teacher.word_logits is not None
        difference = outputs.student.word_logits.float() - outputs.teacher.word_logits.float()
        return difference.square().sum() / max(1, difference.numel())


@dataclass(frozen=True)
class Forget(Stage):
    """Draw the last layers anew, which helps fine-tuning on little data (Zhang et al. 2020, arXiv 2006.05987).

    Attributes:
        layers: how many.
    """

    layers: PositiveInt = 1
    version: ClassVar[int] = 1

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The seed of the new weights."""
        return {"seed": context.seed}

    def run(self, model: Model, context: Context) -> StageResult:
        """A copy with new last layers."""
        student = model.copied()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            for layer in student.layers[-self.layers :]:
                layer.apply(student.network._init_weights)
        return StageResult(student)


FORGET_AND_DISTILL = KnownStrategy("truncate-layers > forget > task-distill:gold(losses={words-mse: {}})", "an example")
