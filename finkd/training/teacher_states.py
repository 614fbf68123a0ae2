"""Cache a teacher's hidden states on disk and read them at every step.

Where text is read twice, over epochs or by several students, this saves the teacher's share of each step, about
40 % of it for a student of half the layers.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from finkd.corpora.errors import ConfigError
from finkd.data.encoding import Encoded
from finkd.inference.prediction import read
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.term import MASKING, Loss, ModelOutputs, Requirement
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.store import Store, address
from finkd.system.precision import Precision
from finkd.tokenization.tokenizer import Longs, members

_FILE = "states.npy"
_WORDS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class States:
    """Cached teacher states of every token of some examples.

    Attributes:
        values: (tokens, kept layers, width), memory-mapped: float32, or the bits of bfloat16 as int16.
        layers: which states are kept, 0 being the embeddings.
        count: how many the teacher has, its embeddings and each layer.
        rows: (examples + 1,) borders of the examples among the tokens.
    """

    values: np.ndarray[Any, Any]
    layers: tuple[int, ...]
    count: int
    rows: Longs

    def side(self, rows: Longs) -> ModelOutputs:
        """Return the cached outputs of some examples; layers that are not cached are empty."""
        found = _states(self.values[members(self.rows, rows)[0]])
        hidden = [found.new_zeros(0)] * self.count
        for place, layer in enumerate(self.layers):
            hidden[layer] = found[:, place]
        return ModelOutputs(hidden_states=tuple(hidden))

    @torch.inference_mode()
    def word_logits(self, head: nn.Linear, first: Longs) -> Tensor:
        """Compute label logits of words from the last layer and the teacher's classification head.

        Args:
            head: the head.
            first: (words,) first token of each word, -1 where no token covers it.

        Returns:
            (words, labels) float32, NaN for words that no token covers.
        """
        scores = torch.full((len(first), head.out_features), math.nan)
        covered = np.flatnonzero(first >= 0)
        for start in range(0, len(covered), _WORDS_AT_ONCE):
            words = covered[start : start + _WORDS_AT_ONCE]
            scores[words] = head(_states(self.values[first[words], -1]).float().to(head.weight.device)).cpu()
        return scores


@dataclass(frozen=True)
class Keeper:
    """Computes a teacher's states and keeps them in a store.

    Attributes:
        teacher: the model.
        key: its content address.
        precision: in which it computes, ``"fp32"`` or ``"bf16"``.
        store: where they are kept.
        listen: called after every batch that the teacher has read.
    """

    teacher: Model
    key: str
    precision: Precision
    store: Store
    listen: Listener | None = None

    def states(self, encoded: Encoded, terms: Sequence[Loss], layers: int) -> States:
        """Return the states of examples, computed on the first call; the last layer is always among them.

        Args:
            encoded: the examples under the teacher's tokenizer.
            terms: loss terms, which say what states are needed.
            layers: of the student.

        Raises:
            ConfigError: if a term maps layers that do not exist.
            StoreError: if the store cannot be written.
        """
        count = int(self.teacher.encoder.config.num_hidden_layers) + 1
        wanted = _wanted(terms, layers + 1, count)
        tokens = hashlib.sha256(encoded.tokens.ids.tobytes() + encoded.tokens.rows.tobytes()).hexdigest()
        material = {"states-of": self.key, "tokens": tokens, "layers": wanted, "precision": self.precision}
        key = address({**material, "version": 3})
        facts = {"kind": "teacher states", "tokens": len(encoded.tokens.ids), "layers": wanted}
        stored = self.store.made(key, facts, lambda folder: self._compute(encoded, wanted, folder / _FILE))
        values = np.load(stored.folder / _FILE, mmap_mode="r", allow_pickle=False)
        return States(values, wanted, count, encoded.tokens.rows)

    def _compute(self, encoded: Encoded, layers: tuple[int, ...], path: Path) -> None:
        is_bf16 = self.precision == "bf16"
        shape = (len(encoded.tokens.ids), len(layers), int(self.teacher.encoder.config.hidden_size))
        values = _allocated(path, shape, np.int16 if is_bf16 else np.float32)
        for at, side in read(self.teacher, encoded, Requirement.HIDDEN_STATES, self.precision, listen=self.listen):
            found = torch.stack([side.hidden_states[layer] for layer in layers], dim=1).cpu()
            kept = found.bfloat16().view(torch.int16) if is_bf16 else found.float()
            values[at] = kept.numpy()
        values.flush()


def _allocated(path: Path, shape: tuple[int, ...], kind: type[np.generic]) -> np.memmap[Any, Any]:
    """Map a file of zeros whose blocks are allocated; on a full disk a sparse file would kill the process."""
    values: np.memmap[Any, Any] = np.lib.format.open_memmap(path, "w+", kind, shape)
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return values


def check_kept(terms: Sequence[Loss]) -> None:
    """Check that terms read nothing but hidden states.

    Raises:
        ConfigError: if a term looks at something that is not kept.
    """
    if any(term.requires & (Requirement.ATTENTION | MASKING) for term in terms):
        raise ConfigError(
            "cache_teacher_outputs: attention and masked text are not kept; leave it out, or the terms that read them"
        )


def _states(values: np.ndarray[Any, Any]) -> Tensor:
    found = torch.from_numpy(values)
    return found.view(torch.bfloat16) if found.dtype == torch.int16 else found


def _wanted(terms: Sequence[Loss], student: int, teacher: int) -> tuple[int, ...]:
    """Return the teacher layers that terms read, and the last one, from which the labels follow."""
    wanted = {teacher - 1}
    for term in terms:
        if isinstance(term, AlignedHiddenStates):
            wanted |= {layer for _, layer in term.pairs(student, teacher)}
        elif Requirement.HIDDEN_STATES in term.requires:
            wanted |= set(range(teacher))
    return tuple(sorted(wanted))
