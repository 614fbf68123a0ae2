"""Export of taggers to ONNX graphs in fp32 or 8 bits."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from finkd.corpora.errors import ConfigError, first_line
from finkd.corpora.files import MARK, atomic_folder
from finkd.corpora.sentence import Sentence
from finkd.data.encoding import WINDOW, windows_and_tokens
from finkd.export.graph_file import INPUTS, MAX_BYTES, inputs
from finkd.export.int8 import TYPICAL_LENGTH, balance, drawn, use_products, use_rows
from finkd.export.onnx_tagger import batches
from finkd.machine.third_party import quiet
from finkd.models.families import FAMILIES
from finkd.models.lookup import GRAPH
from finkd.models.model import Model
from finkd.models.tagger_checks import check_head
from finkd.tokenization.casing import CASES
from finkd.tokenization.tokens import Longs

Kind = Literal["onnx", "onnx-int8"]
_MOST_WEIGHTS = MAX_BYTES - 2**24
"""Bytes; what else a graph holds takes a few megabytes."""
_WEIGHTS = "weights"
"""File beside a graph that is to be quantized and has more."""


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
        ConfigError: if the model is no tagger, has more weights than a graph holds, or hardly any of them could be
            quantized.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> finkd.export_onnx(finkd.load_model("tagger"), Path("graph"))
        >>> finkd.load_tagger("graph").labels == finkd.load_model("tagger").labels
        True
    """
    check_head(model.labels, f"model {model.tokenizer.name!r}")
    names = inputs(model.tokenizer)
    size = sum(weights.nbytes for weights in (*model.network.parameters(), *model.network.buffers()))
    if kind == "onnx" and size > _MOST_WEIGHTS:
        raise ConfigError(f"onnx: the weights take {size:,} bytes, a graph {MAX_BYTES:,} at most; choose onnx-int8")
    with atomic_folder(folder) as unfinished:
        network: Any = model.copied().network.train(False)
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
        (unfinished / MARK).touch()


def _write_graph(network: Any, path: Path, names: Sequence[str]) -> None:
    import onnx_ir
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
    # The program's own method puts fewer weights into the graph.
    beside = _WEIGHTS if network.get_memory_footprint() > _MOST_WEIGHTS else None
    onnx_ir.save(program.model, path, external_data=beside)


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
            f"into another one ({', '.join(each.title for each in FAMILIES.values())})"
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
    path.with_name(_WEIGHTS).unlink(missing_ok=True)
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
    return (given for _, _, given in batches(encoded, model.tokenizer))
