"""Cache a teacher's hidden states and label logits on disk and read them at every step.

Where text is read twice, over epochs or by several students, this saves the teacher's share of each step, about
40 % of it for a student of half the layers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from finkd.corpora.errors import ConfigError
from finkd.data.arrays import Array, Joined
from finkd.data.encoding import Encoded
from finkd.inference.prediction import on_fastest_device, read
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.term import MASKING, Loss, ModelOutputs, Requirement
from finkd.machine.precision import Precision
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.store import Store, address
from finkd.stored_parts import Fill, Parts
from finkd.tokenization.tokens import Longs, members

PART = 1024
"""Examples whose states are stored together: what a killed run loses at most."""
_FILE, _STEPS, _LOGITS = "states.npy", "steps.npy", "logits.npy"


@dataclass(frozen=True)
class States:
    """Cached teacher states of every token of some examples.

    Attributes:
        values: (tokens, kept layers, width): float32, the bits of bfloat16 as int16, or int8.
        layers: which states are kept, 0 being the embeddings.
        count: how many the teacher has, its embeddings and each layer.
        rows: (examples + 1,) borders of the examples among the tokens.
        steps: (tokens, kept layers) what 1 stands for in a state of 8 bits; ``None`` for other states.
        logits: (tokens, labels) float32 label logits; ``None`` if no term compares them. They are kept beside the
            states, since a head may be more than one matrix (ModernBERT's is).
    """

    values: Joined
    layers: tuple[int, ...]
    count: int
    rows: Longs
    steps: Joined | None = None
    logits: Joined | None = None

    def side(self, rows: Longs) -> ModelOutputs:
        """Return the cached states of some examples; layers that are not cached are empty."""
        tokens = members(self.rows, rows)[0]
        found = torch.from_numpy(self.values.take(tokens))
        if self.steps is not None:
            found = found.bfloat16() * torch.from_numpy(self.steps.take(tokens)).bfloat16().unsqueeze(-1)
        elif found.dtype == torch.int16:
            found = found.view(torch.bfloat16)
        hidden = [found.new_zeros(0)] * self.count
        for place, layer in enumerate(self.layers):
            hidden[layer] = found[:, place]
        return ModelOutputs(hidden_states=tuple(hidden))


@dataclass(frozen=True)
class Keeper:
    """Computes a teacher's states and keeps them in a store.

    Attributes:
        teacher: the model.
        key: its content address.
        precision: in which it computes, ``"fp32"`` or ``"bf16"``.
        store: where they are kept.
        listen: called after every part of the text that the teacher has read.
        bits: 8 keeps states in 8 bits with a step for each token and layer, in half the space of bf16 (LLM.int8(),
            Dettmers et al., arXiv 2208.07339, scales rows so); 0 keeps what is computed.
    """

    teacher: Model
    key: str
    precision: Precision
    store: Store
    listen: Listener | None = None
    bits: Literal[0, 8] = 0

    def states(self, encoded: Encoded, terms: Sequence[Loss], layers: int) -> States:
        """Return what terms read of the teacher's states and label logits of examples, computed on the first call.

        Args:
            encoded: the examples under the teacher's tokenizer.
            terms: loss terms, which say what is needed.
            layers: of the student.

        Raises:
            ConfigError: if a term maps layers that do not exist.
            StoreError: if the store cannot be written.
        """
        count = int(self.teacher.encoder.config.num_hidden_layers) + 1
        wanted = _wanted(terms, layers + 1, count)
        labelled = any(Requirement.WORD_LOGITS in term.requires for term in terms)
        read: list[Array] = [encoded.tokens.ids, encoded.tokens.rows]
        if self.teacher.tokenizer.gives_case:
            read.append(encoded.tokens.cases)
        material: dict[str, Any] = {"states-of": self.key, "tokens": _digest(read), "layers": wanted}
        material |= {"precision": self.precision, "labelled": labelled}
        if self.bits:
            material["bits"] = self.bits
        key = address({**material, "version": 5})
        rows_of_parts = _in_parts(len(encoded.lengths))
        keys = [address({"part": number, "of": key, "sentences": PART}) for number in range(len(rows_of_parts))]
        parts = Parts(self.store, keys, "teacher states", self.listen)
        folders = parts.share_out(lambda: (self._fill(encoded, wanted, rows, labelled) for rows in rows_of_parts))
        steps = _joined(folders, _STEPS) if self.bits else None
        logits = _joined(folders, _LOGITS) if labelled else None
        return States(_joined(folders, _FILE), wanted, count, encoded.tokens.rows, steps, logits)

    def _fill(self, encoded: Encoded, layers: tuple[int, ...], rows: Longs, labelled: bool) -> Fill:
        """What writes the states, and label logits, of some neighbouring examples."""
        first, end = encoded.tokens.rows[rows[0]], encoded.tokens.rows[rows[-1] + 1]
        tokens = int(end - first)
        shape = (tokens, len(layers), int(self.teacher.encoder.config.hidden_size))
        kind = np.int8 if self.bits else np.int16 if self.precision == "bf16" else np.float32
        files: dict[str, tuple[tuple[int, ...], Any]] = {_FILE: (shape, kind)}
        if self.bits:
            files[_STEPS] = (shape[:2], np.float32)
        if labelled:
            files[_LOGITS] = ((tokens, len(self.teacher.labels)), np.float32)

        def fill(folder: Path) -> int:
            arrays = {name: _allocated(folder / name, *how) for name, how in files.items()}
            wanted, teacher = Requirement.HIDDEN_STATES, on_fastest_device(self.teacher)
            for at, side in read(teacher, encoded, wanted, self.precision, examples=rows):
                for name, found in self._found(side, layers, labelled).items():
                    arrays[name][at - first] = found
            for array in arrays.values():
                array.flush()
            return tokens

        return fill

    def _found(self, side: ModelOutputs, layers: tuple[int, ...], labelled: bool) -> dict[str, Array]:
        """What is kept of a batch, by its file."""
        found: dict[str, Array] = {}
        if layers:
            states = torch.stack([side.hidden_states[layer] for layer in layers], dim=1).cpu()
            if self.bits:
                found[_FILE], found[_STEPS] = _in_8_bits(states.float())
            elif self.precision == "bf16":
                found[_FILE] = states.bfloat16().view(torch.int16).numpy()
            else:
                found[_FILE] = states.float().numpy()
        if labelled:
            assert side.word_logits is not None
            found[_LOGITS] = side.word_logits.float().cpu().numpy()
        return found


def _digest(arrays: Iterable[Array]) -> str:
    """Hash of the bytes of arrays, which may be mapped from files larger than the memory."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _in_parts(examples: int) -> list[Longs]:
    """The numbers of the examples of each part."""
    return np.split(np.arange(examples), range(PART, examples, PART))


def _joined(folders: Sequence[Path], name: str) -> Joined:
    """The files of one name in all parts, memory-mapped."""
    return Joined(folders, lambda folder: np.load(folder / name, mmap_mode="r", allow_pickle=False))


def _in_8_bits(states: Tensor) -> tuple[Array, Array]:
    """(tokens, layers, width) int8 and what 1 stands for in each state (tokens, layers)."""
    steps = states.abs().amax(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny) / 127
    return (states / steps).round().to(torch.int8).numpy(), steps[..., 0].numpy()


def _allocated(path: Path, shape: tuple[int, ...], kind: Any) -> np.memmap[Any, Any]:
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


def _wanted(terms: Sequence[Loss], student: int, teacher: int) -> tuple[int, ...]:
    """Return the teacher layers that terms read."""
    wanted: set[int] = set()
    for term in terms:
        if isinstance(term, AlignedHiddenStates):
            wanted |= {layer for _, layer in term.pairs(student, teacher)}
        elif Requirement.HIDDEN_STATES in term.requires:
            wanted |= set(range(teacher))
    return tuple(sorted(wanted))
