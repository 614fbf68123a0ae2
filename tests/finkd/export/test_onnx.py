"""Exported graphs compute what the models compute, in batches of any size, and damaged ones are refused by name."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from finkd.compression.sharing import share_layers, stacks, tucker, with_factors
from finkd.corpora.errors import ConfigError, DataError
from finkd.evaluation.ner import evaluate
from finkd.export import onnx_export
from finkd.export.onnx_export import export_onnx
from finkd.export.onnx_tagger import load_onnx, parity
from finkd.inference.tagger import predict_tags, sentence_logits
from finkd.inference.tagging import predict
from finkd.models.lookup import GRAPH
from tests.finkd.models.layer_overrides import FAMILIES, slim_model
from tests.finkd.toys import LABELS, SENTENCES, TYPES, tiny_model

pytestmark = pytest.mark.slow


def tagger():
    """The tagger that is exported once for most tests."""
    return tiny_model(labels=LABELS, width=64, layers=1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The tagger and the folder of its graph in fp32."""
    model = tagger()
    folder = tmp_path_factory.mktemp("onnx") / "whole"
    export_onnx(model, folder)
    return model, folder


@pytest.fixture(scope="module")
def eight_bits(exported):
    """Folders of its graphs in 8 bits: with ranges that are computed at run time, and with fixed ones."""
    model, whole = exported
    folders = {"dynamic": whole.with_name("dynamic"), "static": whole.with_name("static")}
    export_onnx(model, folders["dynamic"], "onnx-int8")
    export_onnx(model, folders["static"], "onnx-int8", SENTENCES)
    return folders


def test_it_says_what_the_model_says(exported):
    model, folder = exported
    graph = load_onnx(folder)
    assert (graph.labels, graph.max_length) == (model.labels, model.max_length)
    found = parity(graph, model, SENTENCES)
    assert (found.words, found.differing) == (sum(len(s.spans) for s in SENTENCES), 0)
    assert 0 < found.largest < 1e-5
    assert predict_tags(SENTENCES, graph) == predict_tags(SENTENCES, model)
    assert evaluate(SENTENCES, graph, TYPES) == evaluate(SENTENCES, model, TYPES)
    texts = [sentence.text for sentence in SENTENCES]
    assert list(predict(texts, graph)) == list(predict(texts, model))


def test_a_graph_whose_scores_overflow_is_an_error(exported, tmp_path):
    shutil.copytree(exported[1], tmp_path / "graph")
    graph = onnx.load(tmp_path / "graph" / GRAPH)
    (head,) = (each for each in graph.graph.initializer if len(each.dims) == 2 and len(LABELS) in each.dims)
    head.CopyFrom(onnx.numpy_helper.from_array(np.full(head.dims, 3e38, np.float32), head.name))
    onnx.save(graph, tmp_path / "graph" / GRAPH)
    with pytest.raises(DataError, match="words are infinite or not a number; fetch, train or export it again"):
        predict_tags(SENTENCES, load_onnx(tmp_path / "graph"))


@pytest.mark.parametrize(("has_vnni", "careful"), [(False, "1"), (True, "0")])
def test_products_do_not_overflow_on_processors_without_vnni(exported, monkeypatch, has_vnni, careful):
    """benchmarks/processors.py shows on an emulated processor what this setting is for."""
    monkeypatch.setattr("finkd.export.onnx_tagger.has_vnni", lambda: has_vnni)
    options = load_onnx(exported[1]).session.get_session_options()
    assert options.get_session_config_entry("session.x64quantprecision") == careful


def test_batches_on_threads_of_their_own(exported):
    _, folder = exported
    for one, two in zip(*(sentence_logits(SENTENCES * 40, load_onnx(folder, count)) for count in (1, 2)), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_model_of_short_texts(tmp_path):
    model = tiny_model(labels=LABELS, positions=16, layers=1)
    export_onnx(model, tmp_path / "int8", "onnx-int8")
    assert parity(load_onnx(tmp_path / "int8"), model, SENTENCES).largest < 0.05


def test_weights_lie_in_the_graph_or_are_refused(exported, tmp_path, monkeypatch):
    model, whole = exported
    monkeypatch.setattr("torch.onnx._internal.exporter._onnx_program._LARGE_MODEL_THRESHOLD", 1000)
    export_onnx(model, tmp_path / "whole")
    monkeypatch.setattr(onnx_export, "_MOST_WEIGHTS", 1000)
    export_onnx(model, tmp_path / "int8", "onnx-int8")
    for name in ("whole", "int8"):
        assert {path.name for path in (tmp_path / name).iterdir()} == {path.name for path in whole.iterdir()}
        assert parity(load_onnx(tmp_path / name), model, SENTENCES).largest < 0.05
    with pytest.raises(ConfigError, match=r"the weights take .* bytes, a graph .* at most; choose onnx-int8"):
        export_onnx(model, tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_a_graph_tells_nothing_of_where_it_was_made(exported, eight_bits):
    for folder in (exported[1], *eight_bits.values()):
        written = (folder / GRAPH).read_bytes()
        assert str(Path.cwd()).encode() not in written
        assert b".py" not in written


def test_long_sentences_and_words_without_a_token(exported):
    model, folder = exported
    long = [SENTENCES[0].__class__.from_words(("Acme", "\u200b", *["bank"] * 700), None)]
    (ours,), (theirs,) = sentence_logits(long, load_onnx(folder)), sentence_logits(long, model)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert np.isnan(ours[1]).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_slim_networks_too(family, tmp_path):
    model = slim_model(family)
    export_onnx(model, tmp_path / "slim")
    assert parity(load_onnx(tmp_path / "slim"), model, SENTENCES).differing == 0


@pytest.mark.parametrize("ranges", ["dynamic", "static"])
def test_eight_bits_are_fewer_bytes(ranges, exported, eight_bits):
    (model, whole), folder = exported, eight_bits[ranges]
    sizes = [(each / GRAPH).stat().st_size for each in (folder, whole)]
    assert sizes[0] < 0.6 * sizes[1]
    found = parity(load_onnx(folder), model, SENTENCES)
    assert 0 < found.largest < 0.05  # something has been rounded, and little
    assert {path.name for path in folder.iterdir()} == {path.name for path in whole.iterdir()}


def shared(model):
    return share_layers(model, "all")


def stacked(model):
    return with_factors(model, {kind: tucker(stack, 40) for kind, stack in stacks(model).items()})


@pytest.mark.parametrize("made", [shared, stacked])
def test_what_layers_share_is_held_once_and_in_eight_bits_too(made, tmp_path):
    model = made(tiny_model(labels=LABELS, width=64, positions=66, layers=2))
    export_onnx(model, tmp_path / "graph", "onnx-int8")
    matrices = [each for each in onnx.load(tmp_path / "graph" / GRAPH).graph.initializer if len(each.dims) == 2]
    held = [each for each in matrices if each.dims[1] > 1]  # and not the steps of rows
    assert onnx.TensorProto.FLOAT not in {each.data_type for each in held}
    rounded = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    expected = sum(weight.numel() for weight in model.network.parameters() if weight.dim() == 2)
    assert sum(np.prod(each.dims) for each in held if each.data_type in rounded) == expected


def test_a_quantizer_that_passes_everything_by_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("onnxruntime.quantization.quantize_dynamic", lambda whole, path, **_: shutil.copy(whole, path))
    with pytest.raises(ConfigError, match="hardly anything of this model could be held in 8 bits; choose onnx"):
        export_onnx(tiny_model(labels=LABELS, width=64, positions=66, layers=2), tmp_path / "graph", "onnx-int8")
    assert not (tmp_path / "graph").exists()


@pytest.mark.usefixtures("eight_bits")
def test_the_model_is_left_alone(exported):
    model, before = exported[0].network, tagger().network
    assert model.config._attn_implementation == before.config._attn_implementation
    torch.testing.assert_close(model.state_dict(), before.state_dict(), rtol=0, atol=0)


def test_what_is_no_tagger_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="has no head that tags entities"):
        export_onnx(tiny_model(), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def _changed(broken, folder, **entries):
    config = json.loads((folder / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, **entries}))
    return broken


def test_damaged_graphs_are_refused_by_name(exported, tmp_path):
    _, folder = exported
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataError, match=r"model\.onnx: is not the graph of a tagger with the labels"):
        load_onnx(_changed(broken, folder, id2label={"0": "O"}))
    with pytest.raises(ConfigError, match="expected IOB2 labels"):
        load_onnx(_changed(broken, folder, id2label={str(n): f"class {n}" for n in range(len(LABELS))}))
    with pytest.raises(ConfigError, match=r"tokenizer has \d+ tokens, the model only 9 embeddings"):
        load_onnx(_changed(broken, folder, vocab_size=9))
    graph = broken / GRAPH
    graph.write_bytes(graph.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"model\.onnx: cannot be read"):
        load_onnx(broken)
