"""Share one forward pass between processes: each runs its part of the examples of a batch.

Losses are ratios of sums over a batch, and relations within it; a mean of the losses of parts is another figure. So
every process gets the states of the whole batch and computes its losses: what one process would compute, whatever the
loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, distributed
from transformers import PreTrainedModel

from finkd.data.collator import ModelInputs
from finkd.inference.forward import forward
from finkd.losses.term import ModelOutputs, Requirement
from finkd.machine import processes


def forward_together(
    network: PreTrainedModel,
    inputs: ModelInputs,
    requirements: Requirement,
    masked: Tensor | None = None,
    everywhere: Tensor | None = None,
) -> ModelOutputs:
    """Run ``finkd.inference.forward.forward`` in parts on all processes; arguments and result are the same."""
    if processes.count() == 1:
        return forward(network, inputs, requirements, masked, everywhere)
    shares = _Shares.of(inputs, processes.count(), processes.number())
    side = forward(network, shares.own(inputs), requirements, shares.own_places(masked), shares.own_places(everywhere))
    return replace(
        side,
        word_logits=None if side.word_logits is None else gathered(side.word_logits, shares.sizes(shares.words)),
        hidden_states=tuple(gathered(state, shares.sizes(shares.tokens)) for state in side.hidden_states),
        attention=tuple(gathered(a.movedim(1, 0), shares.sizes(shares.tokens)).movedim(0, 1) for a in side.attention),
        mlm_logits=None if side.mlm_logits is None else gathered(side.mlm_logits, shares.sizes(shares.borders(masked))),
        mlm_logits_everywhere=side.mlm_logits_everywhere
        and replace(
            side.mlm_logits_everywhere,
            states=gathered(side.mlm_logits_everywhere.states, shares.sizes(shares.borders(everywhere))),
        ),
        embeddings=None if side.embeddings is None else gathered(side.embeddings, shares.sizes(shares.tokens)),
    )


@dataclass(frozen=True)
class _Shares:
    """Split of a batch over processes: each takes consecutive examples.

    Attributes:
        rows: (processes + 1,) borders among the examples.
        tokens: the same among the tokens.
        words: the same among the words.
        number: this process.
    """

    rows: Sequence[int]
    tokens: Tensor
    words: Tensor
    number: int

    @classmethod
    def of(cls, inputs: ModelInputs, count: int, number: int) -> _Shares:
        examples, longest = inputs.ids.shape
        rows = [examples * share // count for share in range(count + 1)]
        positions = torch.tensor(rows, device=inputs.ids.device) * longest
        tokens, words = (
            torch.searchsorted(places, positions) for places in (inputs.tokens, inputs.first_token_positions)
        )
        return cls(rows, tokens, words, number)

    def borders(self, places: Tensor | None) -> Tensor:
        """(processes + 1,) borders among some tokens, given as rising indices into all tokens."""
        assert places is not None
        return torch.searchsorted(places, self.tokens)

    def sizes(self, borders: Tensor) -> list[int]:
        """Return the number of elements of each process."""
        sizes: list[int] = borders.diff().tolist()
        return sizes

    def own(self, inputs: ModelInputs) -> ModelInputs:
        """Return this process's examples; a process without any runs the first example, whose outputs are dropped."""
        first, last = self.rows[self.number : self.number + 2]
        before = first * inputs.ids.shape[1]
        rows = slice(first, last) if first < last else slice(1)
        return ModelInputs(
            inputs.ids[rows],
            inputs.mask[rows],
            self._own(inputs.first_token_positions, self.words) - before,
            self._own(inputs.tokens, self.tokens) - before,
            None if inputs.types is None else inputs.types[rows],
        )

    def own_places(self, places: Tensor | None) -> Tensor | None:
        """Return this process's part of token positions, as indices into its own tokens."""
        return None if places is None else self._own(places, self.borders(places)) - self.tokens[self.number]

    def _own(self, values: Tensor, borders: Tensor) -> Tensor:
        return values[borders[self.number] : borders[self.number + 1]]


def gathered(rows: Tensor, sizes: Sequence[int]) -> Tensor:
    """Concatenate the rows of all processes; gradients flow back to each process.

    A parameter then has, on each process, its share of the gradient of a loss of all rows, ``processes.count()`` times,
    so that averaging over processes gives the gradient.

    Args:
        rows: (sizes[processes.number()], ...) of this process.
        sizes: rows of each process.
    """
    # Not every means of exchange knows bf16.
    found: Tensor = _Gather.apply(rows.float(), tuple(sizes))  # type: ignore[no-untyped-call]
    return found.to(rows.dtype)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor, sizes: tuple[int, ...]) -> Tensor:
        context.sizes = sizes
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in sizes]
        distributed.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        shared = gradients[0].contiguous().clone()
        distributed.all_reduce(shared)
        return torch.split(shared, context.sizes)[processes.number()], None
