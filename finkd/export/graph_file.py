"""Check the file of an ONNX graph before ONNX Runtime builds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finkd.corpora.errors import DataError, first_line
from finkd.tokenization.tokenizer import Tokenizer

MAX_BYTES = 2**31 - 1
"""A larger graph has its weights in other files, which finkd does not write."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""Inputs of a graph; the last one only of models that are given the case of words."""


def inputs(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return the names of the inputs of a graph that reads the tokens of a tokenizer."""
    return INPUTS if tokenizer.gives_case else INPUTS[:2]


def check_graph(path: Path, labels: int, names: Sequence[str] = INPUTS[:2]) -> None:
    """Check that a graph computes label logits from its inputs, and does nothing else.

    Args:
        path: its file.
        labels: number of its outputs.
        names: of its inputs.

    Raises:
        DataError: if the file is damaged or too large, reads other files, holds loops, has other inputs or outputs, or
            has weights that are infinite or not a number.
    """
    import onnx

    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"found {path.stat().st_size:,} bytes; expected {MAX_BYTES:,} at most")
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's errors have no common base
        raise DataError(f"{path}: cannot be read ({first_line(error)}); export the model again") from error
    _check_inputs_and_outputs(model.graph, path, labels, names)
    for node in _nodes(model):
        if any(each.type in (each.GRAPH, each.GRAPHS) for each in node.attribute):
            raise DataError(f"{path}: node {node.name or node.op_type!r}: holds a graph of its own; expected no loops")
    for tensor in _tensors(model):
        _check_tensor(tensor, path)


def _check_inputs_and_outputs(graph: Any, path: Path, labels: int, names: Sequence[str]) -> None:
    import onnx

    held = {each.name for each in graph.initializer}
    given = [each for each in graph.input if each.name not in held]
    free = [tuple(not size.HasField("dim_value") for size in each.type.tensor_type.shape.dim) for each in given]
    kinds = {each.type.tensor_type.elem_type for each in given}
    found = [each.type.tensor_type for each in graph.output]
    scores = found[0].shape.dim if found else []
    if (
        [each.name for each in given] != list(names)
        or free != [(True, True)] * len(names)
        or kinds != {onnx.TensorProto.INT64}
        or len(found) != 1
        or found[0].elem_type != onnx.TensorProto.FLOAT
        or len(scores) != 3
        or scores[-1].dim_value != labels
    ):
        raise DataError(f"{path}: is not the graph of a tagger with the labels of config.json; export the model again")


def _nodes(model: Any) -> Iterator[Any]:
    yield from model.graph.node
    for function in model.functions:
        yield from function.node


def _tensors(model: Any) -> Iterator[Any]:
    """Yield all tensors of a graph."""
    yield from model.graph.initializer
    for each in model.graph.sparse_initializer:
        yield from (each.values, each.indices)
    for node in _nodes(model):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _check_tensor(tensor: Any, path: Path) -> None:
    import onnx

    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise DataError(f"{path}: {tensor.name}: lies in another file; expected weights in the graph itself")
    if tensor.data_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE):
        return
    try:
        values = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # its errors have no common base
        raise DataError(
            f"{path}: {tensor.name}: cannot be read ({first_line(error)}); export the model again"
        ) from error
    # Attention masks positions with -inf, a weight of a single number.
    wrong = np.isnan(values) if values.size == 1 else ~np.isfinite(values)
    if wrong.any():
        raise DataError(
            f"{path}: {tensor.name}: {int(wrong.sum()):,} of {values.size:,} weights are infinite or not a number; "
            "export the model again"
        )
