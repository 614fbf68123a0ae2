"""Reading text without learning from it: no gradients, batches of like length."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from finkd.data.batches import by_length
from finkd.data.collator import Bools, model_inputs
from finkd.data.encoding import Encoded
from finkd.inference.forward import forward
from finkd.inference.interruption import current_interrupt
from finkd.losses.alignment import to_device
from finkd.losses.term import ModelOutputs, Requirement
from finkd.models.model import Model
from finkd.progress import Listener, Progress
from finkd.system.allocation import keep_freed_memory
from finkd.system.precision import in_precision, resolve_precision
from finkd.tokenization.tokenizer import Longs, members

_BATCH_TOKENS = 4096
_FEW_TOKENS = 512
"""Tokens of a batch of words to be tagged on a CPU: of 32 sentences at a time, in which larger batches would be half
padding, 18,000 words/s in bf16 and 8,500 in fp32 where 4,096 tokens give 14,400 and 4,800 (3 layers, one thread)."""


def read(
    model: Model,
    encoded: Encoded,
    requirements: Requirement = Requirement.NONE,
    precision: str = "fp32",
    batch_tokens: int = _BATCH_TOKENS,
    listen: Listener | None = None,
    masked: Bools | None = None,
    device: str | None = None,
) -> Iterator[tuple[Longs, ModelOutputs]]:
    """Run a model over examples.

    Args:
        model: a tagger, a masked-LM network or a bare encoder.
        encoded: the examples under its own tokenizer.
        requirements: what to compute (``finkd.losses.term.Requirement``).
        precision: as in ``Schedule``.
        batch_tokens: tokens of one batch, padding included.
        listen: called after every batch.
        masked: (tokens,) True for tokens that the mask token takes the place of.
        device: where; ``None`` takes a GPU if there is one.

    Yields:
        for each batch, (tokens,) their indices among all tokens, and what the model makes of them; ``words`` are the
        label scores of all these tokens, ``mlm_logits`` those of the masked ones.
    """
    keep_freed_memory()
    network = in_precision(model.network.train(False), resolve_precision(precision))
    home = network.device
    network.to(device or ("cuda" if torch.cuda.is_available() else home))
    try:
        yield from _read(network, encoded, requirements, model.max_length, batch_tokens, listen, masked)
    finally:
        network.to(home)


@torch.inference_mode()
def _read(
    network: PreTrainedModel,
    encoded: Encoded,
    requirements: Requirement,
    longest: int,
    batch_tokens: int,
    listen: Listener | None,
    masked: Bools | None,
) -> Iterator[tuple[Longs, ModelOutputs]]:
    device = network.device
    batches = by_length(np.arange(len(encoded.lengths)), encoded.lengths, batch_tokens)
    began, tokens, interrupt = time.perf_counter(), 0, current_interrupt()
    for number, rows in enumerate(batches, start=1):
        interrupt(0)
        at, _ = members(encoded.tokens.rows, rows)
        covered = None if masked is None else masked[at]
        places = None if covered is None else torch.from_numpy(np.flatnonzero(covered)).to(device)
        batch = model_inputs(encoded, encoded.tokens.take(rows), np.arange(len(at)), longest, covered)
        batch = to_device(batch, device)
        yield at, forward(network, batch, requirements, places)
        tokens += len(at)
        if listen is not None:
            listen(Progress(number, len(batches), None, tokens, time.perf_counter() - began))


def word_logits(
    model: Model,
    encoded: Encoded,
    precision: str = "fp32",
    batch_tokens: int | None = None,
    device: str | None = None,
) -> Tensor:
    """Label scores of every word, at its first token.

    Args:
        model: a tagger.
        encoded: examples under its tokenizer.
        precision: as in ``Schedule``.
        batch_tokens: tokens of one batch, padding included; ``None`` takes what suits the device.
        device: where; ``None`` takes a GPU if there is one.

    Returns:
        (words, labels) float32; rows of words that no token covers are NaN.
    """
    device = device or ("cuda" if torch.cuda.is_available() else model.network.device.type)
    batch_tokens = batch_tokens or (_FEW_TOKENS if device == "cpu" else _BATCH_TOKENS)
    scores = torch.zeros(len(encoded.tokens.ids), len(model.labels))
    for at, side in read(model, encoded, precision=precision, batch_tokens=batch_tokens, device=device):
        assert side.word_logits is not None  # a tagger scores words
        scores[at] = side.word_logits.float().cpu()
    found = scores[encoded.first]
    found[encoded.first < 0] = math.nan
    return found
