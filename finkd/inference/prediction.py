"""Run a model over many examples without gradients, in batches of similar length, which a hook can interrupt."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from finkd.data.collator import Bools, model_inputs
from finkd.data.encoding import Encoded
from finkd.data.sampler import by_length
from finkd.inference.forward import forward
from finkd.inference.interrupt import current_interrupt
from finkd.losses.alignment import to_device
from finkd.losses.term import ModelOutputs, Requirement
from finkd.machine.device import has_gpu
from finkd.machine.memory import keep_freed_memory
from finkd.machine.precision import in_precision, resolve_precision
from finkd.models.model import Model
from finkd.progress import Listener, Progress
from finkd.tokenization.tokens import Longs, members

_BATCH_TOKENS = 4096
_FEW_TOKENS = 512
"""Tokens of a batch on a CPU. Larger batches of 32 sentences are half padding: 18,000 words/s in bf16 and 8,500 in
fp32, where 4,096 tokens give 14,400 and 4,800 (3 layers, one thread)."""


def read(
    model: Model,
    encoded: Encoded,
    requirements: Requirement = Requirement.NONE,
    precision: str = "fp32",
    batch_tokens: int = _BATCH_TOKENS,
    listen: Listener | None = None,
    masked: Bools | None = None,
    examples: Longs | None = None,
) -> Iterator[tuple[Longs, ModelOutputs]]:
    """Run a model over examples, on the device that it is on.

    Args:
        model: a tagger, a text classifier, a question-answering or masked-LM network, or a bare encoder.
        encoded: the examples in its tokens.
        requirements: the outputs to compute.
        precision: as in ``Schedule``.
        batch_tokens: tokens of one batch, padding included.
        listen: called after every batch.
        masked: (tokens,) True for tokens to be replaced by the mask token.
        examples: numbers of those to run it over; by default all.

    Yields:
        for each batch, (tokens,) their indices among all tokens, and the model's outputs; ``word_logits`` are those of
        all these tokens, ``mlm_logits`` those of the masked ones.
    """
    keep_freed_memory()
    network = in_precision(model.network.train(False), resolve_precision(precision))
    examples = np.arange(len(encoded.lengths)) if examples is None else examples
    batches = by_length(examples, encoded.lengths, batch_tokens)
    began, tokens, interrupt = time.perf_counter(), 0, current_interrupt()
    for number, rows in enumerate(batches, start=1):
        interrupt(0)
        at, _ = members(encoded.tokens.rows, rows)
        covered = None if masked is None else masked[at]
        places = None if covered is None else torch.from_numpy(np.flatnonzero(covered)).to(network.device)
        with torch.inference_mode():
            batch = model_inputs(encoded, encoded.tokens.take(rows), np.arange(len(at)), model.max_length, covered)
            outputs = forward(network, to_device(batch, network.device), requirements, places)
        yield at, outputs
        tokens += len(at)
        if listen is not None:
            listen(Progress(number, len(batches), None, tokens, time.perf_counter() - began))


def on_fastest_device(model: Model) -> Model:
    """Return the model itself, or a copy on a GPU if there is one; other threads may be running the model."""
    if not has_gpu() or model.network.device.type == "cuda":
        return model
    copied = model.copied()
    copied.network.to("cuda")  # type: ignore[arg-type]
    return copied


def word_logits(model: Model, encoded: Encoded, precision: str = "fp32") -> Tensor:
    """Compute the label logits of every word, at its first token.

    Args:
        model: a tagger.
        encoded: examples in its tokens.
        precision: as in ``Schedule``.

    Returns:
        (words, labels) float32; NaN for words that no token covers.
    """
    batch_tokens = _FEW_TOKENS if model.network.device.type == "cpu" else _BATCH_TOKENS
    scores = torch.zeros(len(encoded.tokens.ids), len(model.labels))
    for at, side in read(model, encoded, precision=precision, batch_tokens=batch_tokens):
        assert side.word_logits is not None
        scores[at] = side.word_logits.float().cpu()
    found = scores[encoded.first]
    found[encoded.first < 0] = math.nan
    return found
