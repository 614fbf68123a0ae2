"""Graphs are refused by their file before ONNX Runtime builds them."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from finkd.corpora.errors import ConfigError, DataError
from finkd.export.onnx_tagger import load_onnx
from finkd.models.lookup import GRAPH
from tests.hostile.graphs import POSITIONS, found, graph, layers, right, tables, whole


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(whole(), tmp_path / "graph")


def write(folder, model):
    (folder / GRAPH).write_bytes(model.SerializeToString())


def test_a_small_graph_is_run(folder):
    assert found(folder) == right()
    assert any(right())


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "weights.bin"])
def test_weights_elsewhere_are_refused(location, folder):
    weights = tables()
    weights[0].ClearField("raw_data")
    weights[0].data_location = TensorProto.EXTERNAL
    weights[0].external_data.add(key="location", value=location)
    write(folder, graph(weights=weights))
    with pytest.raises(DataError, match=r"model\.onnx: words: lies in another file; expected weights in the graph"):
        load_onnx(folder, 1)


def test_loops_are_refused(folder):
    going = helper.make_tensor_value_info("going", TensorProto.BOOL, [])
    inputs = [helper.make_tensor_value_info("step", TensorProto.INT64, []), helper.make_tensor_value_info("go", 9, [])]
    body = helper.make_graph([helper.make_node("Identity", ["go"], ["going"])], "body", inputs, [going])
    loop = helper.make_node("Loop", ["", "always"], [], body=body)
    weights = [*tables(), numpy_helper.from_array(np.array(True), "always")]
    write(folder, graph(nodes=[loop, *layers()], weights=weights))
    with pytest.raises(DataError, match=r"model\.onnx: node 'Loop': holds a graph of its own; expected no loops"):
        load_onnx(folder, 1)


def test_weights_that_are_not_numbers_are_named(folder):
    weights = tables()
    values = numpy_helper.to_array(weights[1]).copy()
    values[2, 1] = np.nan
    weights[1] = numpy_helper.from_array(values, "labels")
    write(folder, graph(weights=weights))
    with pytest.raises(DataError, match=r"model\.onnx: labels: 1 of \d+ weights are infinite or not a number"):
        load_onnx(folder, 1)


@pytest.mark.parametrize(
    "length", [-5, 0, 1, 2, 3, POSITIONS + 1, 10**30, "64", None, True], ids=lambda value: f"{value!r}"
)
def test_a_length_that_the_graph_does_not_read_is_refused(length, folder):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": length}))
    with pytest.raises(ConfigError, match=r"tokenizer_config\.json: model_max_length: found "):
        load_onnx(folder, 1)


def test_the_smallest_length_finds_what_it_can(folder):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": 4}))
    assert len(found(folder)) == len(right())


def test_a_graph_that_fails_on_a_text_is_an_error_of_ours(folder):
    weights = tables()
    weights[0] = numpy_helper.from_array(numpy_helper.to_array(weights[0])[:20].copy(), "words")
    onnx.save(graph(weights=weights), folder / GRAPH)
    with pytest.raises(DataError, match="its graph fails on a text"):
        found(folder)
