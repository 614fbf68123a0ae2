"""The file of an ONNX graph, checked before ONNX Runtime builds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finkd.corpora.errors import DataError
from finkd.tokenization.tokenizer_file import first_line

MAX_BYTES = 2**31 - 1
"""A graph of more bytes keeps its weights elsewhere, which finkd does not write."""
INPUTS = ("input_ids", "attention_mask")


def check_graph(path: Path, labels: int) -> None:
    """See that a graph reads ids and a mask, gives scores of labels, and can only compute.

    Args:
        path: of the graph.
        labels: how many it must score.

    Raises:
        DataError: if the file is damaged or too large, reads other files, holds loops, has other inputs or outputs, or
            has weights that are not numbers.
    """
    import onnx

    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"found {path.stat().st_size:,} bytes; expected {MAX_BYTES:,} at most")
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # what protobuf raises has no common base but this one
        raise DataError(f"{path}: cannot be read ({first_line(error)}); export the model again") from error
    _check_ends(model.graph, path, labels)
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        if any(each.type in (each.GRAPH, each.GRAPHS) for each in node.attribute):
            raise DataError(f"{path}: node {node.name or node.op_type!r}: holds a graph of its own; expected no loops")
    for tensor in _tensors(model):
        _check_tensor(tensor, path)


def _check_ends(graph: Any, path: Path, labels: int) -> None:
    import onnx

    held = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in held]
    names = [each.name for each in inputs]
    sizes = [_free(each) for each in inputs]
    kinds = {each.type.tensor_type.elem_type for each in inputs}
    found = [each.type.tensor_type for each in graph.output]
    scores = found[0].shape.dim if found else []
    if (
        names != list(INPUTS)
        or sizes != [(True, True)] * 2
        or kinds != {onnx.TensorProto.INT64}
        or len(found) != 1
        or found[0].elem_type != onnx.TensorProto.FLOAT
        or len(scores) != 3
        or scores[-1].dim_value != labels
    ):
        raise DataError(f"{path}: is not the graph of a tagger with the labels of config.json; export the model again")


def _free(value: Any) -> tuple[bool, ...]:
    """Which sizes of a tensor are open."""
    return tuple(not each.HasField("dim_value") for each in value.type.tensor_type.shape.dim)


def _tensors(model: Any) -> Iterator[Any]:
    """All tensors that a graph holds."""
    yield from model.graph.initializer
    for each in model.graph.sparse_initializer:
        yield from (each.values, each.indices)
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        for attribute in node.attribute:
            yield from _of_attribute(attribute)


def _of_attribute(attribute: Any) -> Sequence[Any]:
    return [*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors]


def _check_tensor(tensor: Any, path: Path) -> None:
    import onnx

    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise DataError(f"{path}: {tensor.name}: lies in another file; expected weights in the graph itself")
    if tensor.data_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE):
        return
    try:
        values = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # what it raises has no common base but this one
        raise DataError(
            f"{path}: {tensor.name}: cannot be read ({first_line(error)}); export the model again"
        ) from error
    # Attention hides places by -inf, which is a weight of one number.
    wrong = np.isnan(values) if values.size == 1 else ~np.isfinite(values)
    if wrong.any():
        raise DataError(
            f"{path}: {tensor.name}: {int(wrong.sum()):,} of {values.size:,} weights are infinite or not a number; "
            "export the model again"
        )
