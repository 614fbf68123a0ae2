"""Export of taggers to ONNX graphs in fp32 or 8 bits, and taggers that ONNX Runtime runs."""

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
from finkd.data.encoding import WINDOW, Encoded, windows_and_tokens
from finkd.data.sampler import by_length
from finkd.export.graph_file import INPUTS, check_graph, inputs
from finkd.export.int8 import TYPICAL_LENGTH, balance, drawn, use_products, use_rows
from finkd.inference.prediction import current_interrupt
from finkd.inference.tagger import Running, sentence_logits
from finkd.models.files import MIN_LENGTH, check_head, check_labels, check_tokenizer, positions, read_config
from finkd.models.model import Model
from finkd.system.third_party import quiet
from finkd.tokenization.casing import CASES
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokenizer_file import first_line, max_length
from finkd.tokenization.tokens import Longs, members

GRAPH = "model.onnx"
Kind = Literal["onnx", "onnx-int8"]
_BATCH_TOKENS = 128
"""Tokens of a batch: its states fit the core's cache, and little is padding. Of 32 sentences at a time, 28,800 words/s
where 512 tokens give 22,300 and 4,096 give 7,300 (8 bits, 3 layers, one thread)."""


@dataclass(frozen=True)
class OnnxTagger:
    """Tagger that ONNX Runtime runs.

    Attributes:
        session: the graph, from the ids of a batch, its mask and the case of its words to (batch, seq, labels) logits.
        tokenizer: its tokenizer.
        labels: label of each output.
        max_length: most tokens of an input.
        pool: threads that run a batch each; ``None`` for a single thread.
    """

    session: Any
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    max_length: int
    pool: ThreadPoolExecutor | None = None

    def word_logits(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        """Compute (words, labels) logits at each word's first token; NaN for words that no token covers."""
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
        try:
            found: npt.NDArray[np.float32] = self.session.run(None, given)[0]
        except Exception as error:  # its errors have no common base
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
    """Yield the tokens of each batch, their mask, and the inputs of a graph."""
    for rows in by_length(np.arange(len(encoded.lengths)), encoded.lengths, _BATCH_TOKENS):
        at, lengths = members(encoded.tokens.rows, rows)[0], encoded.lengths[rows]
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, tokenizer.special_ids["pad"], np.int64)
        ids[mask] = encoded.tokens.ids[at]
        cases = np.zeros(mask.shape, np.int64)
        cases[mask] = encoded.tokens.cases[at]
        yield at, mask, dict(zip(inputs(tokenizer), (ids, mask.astype(np.int64), cases), strict=False))


@dataclass(frozen=True)
class Parity:
    """Differences between an exported tagger and its model.

    Attributes:
        words: compared words.
        differing: words with another best label.
        largest: largest difference between two logits.
    """

    words: int
    differing: int
    largest: float


class _Scores(nn.Module):
    """Network as a function of the inputs of a graph."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        types = {} if token_type_ids is None else {INPUTS[2]: token_type_ids}
        scores: Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask, **types).logits
        return scores


def export_onnx(model: Model, folder: Path, kind: Kind = "onnx", calibration: Sequence[Sentence] = ()) -> None:
    """Write a tagger's graph, tokenizer and configuration.

    Args:
        model: a tagger.
        folder: made, or replaced, once everything is written.
        kind: ``"onnx"`` in fp32, or ``"onnx-int8"``: weights and states in 8 bits, after ``balance``.
        calibration: sentences for ``balance`` and for the ranges of states (static quantization); without any, tokens
            are drawn for ``balance``, and ranges are computed at run time (dynamic quantization).

    Raises:
        ConfigError: if the model is no tagger, or hardly any of its weights could be quantized.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> finkd.export_onnx(finkd.load_model("tagger"), Path("graph"))
        >>> finkd.load_tagger("graph").labels == finkd.load_model("tagger").labels
        True
    """
    check_head(model.labels, f"model {model.tokenizer.name!r}")
    names = inputs(model.tokenizer)
    with atomic_folder(folder) as unfinished:
        network: Any = copy.deepcopy(model.network).train(False)
        network.set_attn_implementation("eager")  # plain products: fewer nodes, all of which can be quantized
        if kind == "onnx":
            use_products(network, {})
            _write_graph(network, unfinished / GRAPH, names)
        else:
            use_products(network, balance(network, _typical(model, calibration)))
            use_rows(network)  # since ONNX Runtime has one step for a whole table
            _write_graph(network, unfinished / GRAPH, names)
            _quantize(unfinished / GRAPH, _Calibration(_typical(model, calibration)) if calibration else None)
        model.network.config.save_pretrained(unfinished)
        model.tokenizer.write(unfinished, model.max_length)


def _write_graph(network: nn.Module, path: Path, names: Sequence[str]) -> None:
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    example = torch.ones(2, 3, dtype=torch.int64)  # 1 would become a constant
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    with quiet("torch.onnx"), torch.inference_mode(), _as_config_error(network):
        program = torch.onnx.export(
            _Scores(network),
            tuple(example.clone() for _ in names),  # one tensor would become one input
            input_names=list(names),
            output_names=["logits"],
            dynamic_shapes=(sizes,) * len(names),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # as always with dynamo
    ClearMetadataAndDocStringPass()(program.model)  # paths and code of this machine
    program.save(path, external_data=False)


@contextlib.contextmanager
def _as_config_error(network: Any) -> Iterator[None]:
    """Convert the exporter's errors, which tell of its own steps, to ``ConfigError``."""
    from torch.onnx.errors import OnnxExporterError

    try:
        yield
    except OnnxExporterError as error:
        reason = first_line(error.__cause__ or error)
        raise ConfigError(
            f"onnx: torch.onnx cannot export a network of the kind {network.config.model_type!r} ({reason}); distil it "
            "into one of a family of docs/reference/models.md"
        ) from error


def _quantize(path: Path, calibration: _Calibration | None) -> None:
    """Quantize the matrices of a graph to 8 bits with a scale for each output, as ``Rows`` has one for each row."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

    whole = path.rename(path.with_name("whole.onnx"))
    # Norms, softmaxes and activations lose more by rounding than they gain.
    given = {"op_types_to_quantize": ["MatMul"], "weight_type": QuantType.QInt8, "per_channel": True}
    given["extra_options"] = {"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["MatMul"]}
    # Its warning recommends a preparation that changes nothing here.
    with quiet("root"), _temporary_files_in(path.parent):
        if calibration is None:
            quantize_dynamic(whole, path, **given)
        else:
            states = {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8}
            quantize_static(whole, path, calibration, **states, **given)
    whole.unlink()
    # The quantizer passes over matrices without a warning.
    matrices = [each for each in onnx.load(path).graph.initializer if len(each.dims) == 2 and min(each.dims) > 1]
    weights = [int(np.prod(each.dims)) for each in matrices]
    is_whole = [each.data_type == onnx.TensorProto.FLOAT for each in matrices]
    if np.dot(weights, is_whole) > 2 / 3 * sum(weights):
        raise ConfigError("onnx-int8: hardly anything of this model could be held in 8 bits; choose onnx")


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have libraries write temporary files in a folder that is removed even if the process is killed."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


class _Calibration:
    """Calibration batches in the quantizer's interface."""

    def __init__(self, batches: Iterator[dict[str, Longs]]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, Longs] | None:
        """Return the next batch, or ``None`` at the end."""
        return next(self._batches, None)


def _typical(model: Model, sentences: Sequence[Sentence]) -> Iterator[dict[str, Longs]]:
    """Return batches of sentences, or of drawn tokens if there are none."""
    if not sentences:
        length = min(TYPICAL_LENGTH, model.max_length)
        cases = len(CASES) if model.tokenizer.gives_case else 0
        return drawn(model.network.config.vocab_size, model.tokenizer.special_ids, length, cases=cases)
    _, encoded = windows_and_tokens(sentences, model.tokenizer, min(WINDOW, model.max_length))
    return (given for _, _, given in _batches(encoded, model.tokenizer))


def load_onnx(folder: Path, threads: int | None = None) -> OnnxTagger:
    """Load a folder that ``export_onnx`` wrote.

    Args:
        folder: of the graph, the tokenizer and the configuration.
        threads: that run a batch each; ``None`` takes as many as PyTorch. (Two threads are .95 to 1.6 times as fast as
            one with one batch together, and 1.6 to 2 times with a batch each.)

    Raises:
        ConfigError: if the labels are not a tagger's, or the tokenizer does not fit.
        DataError: if the graph is damaged, or is not that of a tagger with these labels.
    """
    path = folder / GRAPH
    entries = read_config(folder)
    names = entries.get("id2label") or {}
    labels = tuple(names[str(number)] for number in range(len(names)))
    tokenizer = Tokenizer.load(folder)
    check_graph(path, len(labels), inputs(tokenizer))
    check_labels(labels, folder)
    check_tokenizer(tokenizer, entries.get("vocab_size", 0), entries.get("type_vocab_size", 0), folder)
    length = max_length(folder, MIN_LENGTH)
    if length > positions(entries):
        raise ConfigError(
            f"{folder / 'tokenizer_config.json'}: model_max_length: found {length}; the model has {positions(entries)} "
            "positions; export it again"
        )
    threads = threads or torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "batch") if threads > 1 else None
    return OnnxTagger(graph_session(path), tokenizer, labels, length, pool)


def graph_session(path: Path, options: Any = None) -> Any:
    """Return a session of ONNX Runtime that runs a graph on one thread.

    Args:
        path: of the graph.
        options: of the session, such as its profiler; the number of threads is set here.

    Raises:
        DataError: if the graph cannot be read.
    """
    import onnxruntime

    options = options or onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        # The fused sum and norm is several times slower on a CPU than the two alone (1.32: 68 and 18 us for 35 x 384).
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
    except Exception as error:  # its errors have no common base
        raise DataError(f"{path}: cannot be read ({first_line(error)}); export the model again") from error


def fp32(model: Model, scratch: Path, threads: int) -> Running:
    """Run the graph in fp32, exported below ``scratch`` once."""
    return _exported(model, scratch, threads, "onnx")


def int8(model: Model, scratch: Path, threads: int) -> Running:
    """Run the graph in 8 bits, exported below ``scratch`` once."""
    return _exported(model, scratch, threads, "onnx-int8")


def _exported(model: Model, scratch: Path, threads: int, kind: Kind) -> Running:
    folder = scratch / kind
    if not folder.is_dir():
        export_onnx(model, folder, kind)
    return Running(load_onnx(folder, threads), (folder / GRAPH).stat().st_size)


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
