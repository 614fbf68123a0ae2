"""Taggers as ONNX graphs, whole or in 8 bits, and how ONNX Runtime reads them."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.files import atomic_folder
from finkd.corpora.sentence import Sentence
from finkd.data.batches import by_length
from finkd.data.encoding import WINDOW, Encoded, windows_and_tokens
from finkd.export.graph_file import INPUTS, check_graph
from finkd.export.products import TYPICAL_LENGTH, balance, drawn, use_products, use_rows
from finkd.inference.prediction import current_interrupt
from finkd.inference.tagger import sentence_logits
from finkd.models.checks import check_head, check_labels, check_tokenizer
from finkd.models.files import MIN_LENGTH, positions, read_config
from finkd.models.model import Model
from finkd.system.third_party import quiet
from finkd.tokenization.tokenizer import Longs, Tokenizer, members
from finkd.tokenization.tokenizer_file import first_line, max_length

GRAPH = "model.onnx"
Kind = Literal["onnx", "onnx-int8"]
_BATCH_TOKENS = 128
"""Tokens of a batch: states then stay in the cache next to the core, and little is padding; of 32 sentences at a time,
28,800 words/s where 512 tokens give 22,300 and 4,096 give 7,300 (8 bits, 3 layers, one thread)."""


@dataclass(frozen=True)
class OnnxTagger:
    """A tagger that ONNX Runtime runs.

    Attributes:
        session: the graph, from the ids of a batch and its mask to (batch, seq, labels) scores.
        tokenizer: its tokenizer.
        labels: label of each output.
        max_length: tokens that it reads at most.
        pool: threads that read a batch each; none where there is one thread.
    """

    session: Any
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    max_length: int
    pool: ThreadPoolExecutor | None = None

    def word_logits(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        """(words, labels) scores of every word, at its first token; NaN for words that no token covers."""
        tokens = encoded.tokens
        scores = np.zeros((len(tokens.ids), len(self.labels)), np.float32)
        interrupt = current_interrupt()

        def read(batch: tuple[Longs, npt.NDArray[np.bool_], dict[str, Longs]]) -> None:
            interrupt(0)
            at, mask, given = batch
            scores[at] = self._run(given)[mask]

        batches = list(_batches(encoded, self.tokenizer))
        list((self.pool.map if self.pool and len(batches) > 1 else map)(read, batches))
        found = scores[encoded.first]
        found[encoded.first < 0] = np.nan
        return found

    def _run(self, given: dict[str, Longs]) -> npt.NDArray[np.float32]:
        """(batch, seq, labels) scores."""
        try:
            found: npt.NDArray[np.float32] = self.session.run(None, given)[0]
        except Exception as error:  # its errors have no common base but this one
            raise DataError(
                f"model {self.tokenizer.name!r}: its graph fails on a text ({first_line(error)}); export it again"
            ) from error
        expected = (*given[INPUTS[0]].shape, len(self.labels))
        if found.shape != expected:
            raise DataError(
                f"model {self.tokenizer.name!r}: its graph gave scores of shape {found.shape}; expected {expected}"
            )
        return found


def _batches(encoded: Encoded, tokenizer: Tokenizer) -> Iterator[tuple[Longs, npt.NDArray[np.bool_], dict[str, Longs]]]:
    """The tokens of each batch, where they stand in it, and what a graph is given."""
    for rows in by_length(np.arange(len(encoded.lengths)), encoded.lengths, _BATCH_TOKENS):
        at, lengths = members(encoded.tokens.rows, rows)[0], encoded.lengths[rows]
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, tokenizer.special_ids["pad"], np.int64)
        ids[mask] = encoded.tokens.ids[at]
        yield at, mask, dict(zip(INPUTS, (ids, mask.astype(np.int64)), strict=True))


@dataclass(frozen=True)
class Parity:
    """How far an exported tagger is from what it was made of.

    Attributes:
        words: that were compared.
        differing: words whose best label is another one.
        largest: difference between two scores of a label.
    """

    words: int
    differing: int
    largest: float


class _Scores(nn.Module):
    """The network as a function of the two tensors that a graph is given."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        scores: Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
        return scores


def export_onnx(model: Model, folder: Path, kind: Kind = "onnx", calibration: Sequence[Sentence] = ()) -> None:
    """Write a tagger's graph with its tokenizer and its configuration beside it.

    Args:
        model: a tagger.
        folder: made, or replaced, once everything is written.
        kind: ``"onnx"`` in fp32, or ``"onnx-int8"``: weights and states in 8 bits, after ``balance``.
        calibration: sentences to balance with, and on which the ranges of states are fixed (static quantization);
            without any, tokens are drawn to balance with and the ranges are taken from the states as they come
            (dynamic).

    Raises:
        ConfigError: if the model is no tagger, or hardly anything of it could be held in 8 bits.
    """
    check_head(model.labels, f"model {model.tokenizer.name!r}")
    with atomic_folder(folder) as unfinished:
        network: Any = copy.deepcopy(model.network).train(False)
        network.set_attn_implementation("eager")  # as plain products: fewer nodes, and none that quantization misses
        if kind == "onnx":
            use_products(network, {})
            _write_graph(network, unfinished / GRAPH)
        else:
            use_products(network, balance(network, _typical(model, calibration)))
            use_rows(network)  # since ONNX Runtime has one step for a whole table
            _write_graph(network, unfinished / GRAPH)
            _quantize(unfinished / GRAPH, _Calibration(_typical(model, calibration)) if calibration else None)
        model.network.config.save_pretrained(unfinished)
        model.tokenizer.write(unfinished, model.max_length)


def _write_graph(network: nn.Module, path: Path) -> None:
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    example = torch.ones(2, 3, dtype=torch.int64)  # 1 would become a constant
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    with quiet("torch.onnx"), torch.inference_mode():
        program = torch.onnx.export(
            _Scores(network),
            (example, example.clone()),  # one tensor would become one input
            input_names=list(INPUTS),
            output_names=["logits"],
            dynamic_shapes=(sizes, sizes),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # as it always is with dynamo
    ClearMetadataAndDocStringPass()(program.model)  # paths of this machine, and lines of code
    program.save(path, external_data=False)


def _quantize(path: Path, calibration: _Calibration | None) -> None:
    """Hold the matrices of a graph in 8 bits; a step per output, as ``Rows`` has one per row."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

    whole = path.rename(path.with_name("whole.onnx"))
    # Norms, softmaxes and activations lose more by rounding than they gain.
    given = {"op_types_to_quantize": ["MatMul"], "weight_type": QuantType.QInt8, "per_channel": True}
    given["extra_options"] = {"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["MatMul"]}
    # It asks for a preparation that gives nothing here.
    with quiet("root"), _temporary_files_in(path.parent):
        if calibration is None:
            quantize_dynamic(whole, path, **given)
        else:
            states = {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8}
            quantize_static(whole, path, calibration, **states, **given)
    whole.unlink()
    _check_eight_bits(path)


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Let libraries keep temporary files where a kill does not leave them: in a folder that is removed then."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _check_eight_bits(path: Path) -> None:
    """See that the quantizer did not pass most matrices by, of which it says nothing."""
    import onnx

    matrices = [each for each in onnx.load(path).graph.initializer if len(each.dims) == 2 and min(each.dims) > 1]
    weights = [int(np.prod(each.dims)) for each in matrices]
    whole = [each.data_type == onnx.TensorProto.FLOAT for each in matrices]
    if np.dot(weights, whole) > 2 / 3 * sum(weights):
        raise ConfigError("onnx-int8: hardly anything of this model could be held in 8 bits; choose onnx")


class _Calibration:
    """Batches, as the quantizer asks for them."""

    def __init__(self, batches: Iterator[dict[str, Longs]]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, Longs] | None:
        """The next batch, or nothing more."""
        return next(self._batches, None)


def _typical(model: Model, sentences: Sequence[Sentence]) -> Iterator[dict[str, Longs]]:
    """Batches of sentences, or of drawn tokens if there are none."""
    if not sentences:
        length = min(TYPICAL_LENGTH, model.max_length)
        return drawn(model.network.config.vocab_size, model.tokenizer.special_ids, length)
    _, encoded = windows_and_tokens(sentences, model.tokenizer, min(WINDOW, model.max_length))
    return (given for _, _, given in _batches(encoded, model.tokenizer))


def load_onnx(folder: Path, threads: int | None = None) -> OnnxTagger:
    """Read what ``export_onnx`` wrote.

    Args:
        folder: of the graph, the tokenizer and the configuration.
        threads: that read a batch each; ``None`` takes as many as PyTorch does. (Two threads for one batch are .95
            to 1.6 times as fast as one, and for a batch each 1.6 to 2 times.)

    Raises:
        ConfigError: if the labels are not a tagger's, or the tokenizer does not fit.
        DataError: if the graph is damaged or is not a tagger's, or there are other labels than it scores.
    """
    import onnxruntime

    path = folder / GRAPH
    entries = read_config(folder)
    names = entries.get("id2label") or {}
    labels = tuple(names[str(number)] for number in range(len(names)))
    check_graph(path, len(labels))
    check_labels(labels, folder)
    tokenizer = Tokenizer.load(folder)
    check_tokenizer(tokenizer, entries.get("vocab_size", 0), folder)
    length = max_length(folder, MIN_LENGTH)
    if length > positions(entries):
        raise ConfigError(
            f"{folder / 'tokenizer_config.json'}: model_max_length: found {length}; the model has {positions(entries)} "
            "positions; export it again"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        # Its fused sum and norm is many times slower on a CPU than the two apart (1.32: 68 and 18 us for 35 x 384).
        session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
    except Exception as error:  # its errors have no common base but this one
        raise DataError(f"{path}: cannot be read ({first_line(error)}); export the model again") from error
    threads = threads or torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "batch") if threads > 1 else None
    return OnnxTagger(session, tokenizer, labels, length, pool)


def parity(exported: OnnxTagger, model: Model, sentences: Sequence[Sentence]) -> Parity:
    """Compare an exported tagger with its model, word by word."""
    words = differing = 0
    largest = 0.0
    for ours, theirs in zip(sentence_logits(sentences, exported), sentence_logits(sentences, model), strict=True):
        covered = ~np.isnan(theirs).any(axis=1)
        ours, theirs = ours[covered], theirs[covered]
        words += len(ours)
        differing += int((ours.argmax(axis=1) != theirs.argmax(axis=1)).sum())
        largest = max(largest, float(np.abs(ours - theirs).max(initial=0.0)))
    return Parity(words, differing, largest)
