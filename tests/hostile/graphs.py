"""ONNX folders: a small graph, its tokenizer and its configuration, of which something is damaged."""

import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from finkd.export.onnx_tagger import load_onnx
from finkd.inference.tagging import predict
from finkd.models.lookup import GRAPH
from tests.finkd.toys import LABELS
from tests.hostile.case import Case, Refusal, Unknown
from tests.hostile.damage import Damage, change, common, damaged, of_file, of_settings
from tests.toys import TEXTS, wordpiece_uncased

POSITIONS = 64
INT64, FLOAT = TensorProto.INT64, TensorProto.FLOAT
Shape = list[Any]
CONFIG, TOKENIZER_CONFIG = "config.json", "tokenizer_config.json"
JSON = (CONFIG, "tokenizer.json", TOKENIZER_CONFIG)
LENGTHS = {"model_max_length": [-5, 0, 1, 2, 3, POSITIONS + 1, 10**30, "64", None, 1.5, [64], True]}
SIZES = {"vocab_size": [0, 9, -1, "x", 10**12], "max_position_embeddings": [0, 3, 10, -1, "x"]}


def graph(
    inputs: dict[str, tuple[int, Shape]] | None = None,
    output: tuple[str, int, Shape] = ("logits", FLOAT, ["batch", "sequence", len(LABELS)]),
    nodes: list[Any] | None = None,
    weights: list[Any] | None = None,
    opset: int = 17,
) -> Any:
    """A graph that looks up a word's vector and multiplies it by the labels' ones; parts can be replaced."""
    inputs = inputs or {name: (INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")}
    made = helper.make_graph(
        nodes or layers(),
        "tagger",
        [helper.make_tensor_value_info(name, *each) for name, each in inputs.items()],
        [helper.make_tensor_value_info(*output)],
        weights or tables(),
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def layers() -> list[Any]:
    """The graph's steps."""
    return [
        helper.make_node("Gather", ["words", "input_ids"], ["vectors"]),
        helper.make_node("MatMul", ["vectors", "labels"], ["logits"]),
    ]


def tables() -> list[Any]:
    """Its weights."""
    random = np.random.default_rng(0)
    words = random.normal(size=(len(wordpiece_uncased()), 8)).astype(np.float32)
    labels = random.normal(size=(8, len(LABELS))).astype(np.float32)
    return [numpy_helper.from_array(words, "words"), numpy_helper.from_array(labels, "labels")]


@cache
def whole() -> Path:
    """A folder that is right, made once."""
    folder = Path(tempfile.mkdtemp(prefix="finkd-graph-"))
    onnx.save(graph(), folder / GRAPH)
    config = {
        "model_type": "bert",
        "architectures": ["BertForTokenClassification"],
        "id2label": {str(number): label for number, label in enumerate(LABELS)},
        "max_position_embeddings": POSITIONS,
        "pad_token_id": 0,
        "vocab_size": len(wordpiece_uncased()),
    }
    (folder / "config.json").write_text(json.dumps(config))
    wordpiece_uncased().write(folder, POSITIONS)
    return folder


def found(folder: Path) -> list[list[tuple[int, int, str]]]:
    """Entities of some texts, by the graph in a folder; the last one is longer than the graph reads at once."""
    texts = [*TEXTS[:2], " ".join(TEXTS * 2)]
    return [[(m.start, m.end, m.label) for m in each.mentions] for each in predict(texts, load_onnx(folder, 1))]


@cache
def right() -> list[list[tuple[int, int, str]]]:
    """What the undamaged graph finds."""
    return found(whole())


def generate(random: Random, folder: Path) -> Case:
    """One damaged folder."""
    return damaged(random, folder, whole(), found, DAMAGE, "wordpiece")


def _ends(random: Random, folder: Path) -> Any:
    """Other inputs or outputs."""
    both: Shape = ["batch", "sequence"]
    size = len(LABELS)
    odd: list[dict[str, Any]] = [
        {"inputs": {"input_ids": (INT64, both)}},
        {"inputs": {"ids": (INT64, both), "attention_mask": (INT64, both)}},
        {"inputs": {"input_ids": (TensorProto.INT32, both), "attention_mask": (INT64, both)}},
        {"inputs": {"input_ids": (INT64, [2, 3]), "attention_mask": (INT64, both)}},
        {"inputs": {"input_ids": (INT64, ["batch"]), "attention_mask": (INT64, both)}},
        {"inputs": {name: (INT64, both) for name in ("input_ids", "attention_mask", "token_type_ids")}},
        {"output": ("logits", FLOAT, ["batch", "sequence", size + random.choice([-1, 1, 5])])},
        {"output": ("logits", FLOAT, ["batch", "sequence"])},
        {"output": ("logits", FLOAT, ["batch", "sequence", "labels"])},
        {"output": ("logits", TensorProto.FLOAT16, ["batch", "sequence", size])},
        {"output": ("vectors", FLOAT, ["batch", "sequence", 8])},
    ]
    onnx.save(graph(**random.choice(odd)), folder / GRAPH)
    return Refusal


def _elsewhere(random: Random, folder: Path) -> Any:
    """Weights in another file."""
    weights = tables()
    tensor = weights[random.randrange(2)]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    place = random.choice(["../secret", "/etc/passwd", "weights.bin", "", "config.json", "a/../../b"])
    for key, value in {"location": place, "offset": "0", "length": str(random.choice([4, 2**40, -1]))}.items():
        tensor.external_data.add(key=key, value=value)
    (folder / GRAPH).write_bytes(graph(weights=weights).SerializeToString())
    (folder / "weights.bin").write_bytes(bytes(2**16))
    return Refusal


def _not_numbers(random: Random, folder: Path) -> Any:
    weights = tables()
    at = random.randrange(2)
    values = numpy_helper.to_array(weights[at]).copy()
    values[random.randrange(len(values)), random.randrange(values.shape[1])] = random.choice([np.nan, np.inf, -np.inf])
    weights[at] = numpy_helper.from_array(values, weights[at].name)
    onnx.save(graph(weights=weights), folder / GRAPH)
    return Refusal


def _loop(random: Random, folder: Path) -> Any:
    """A loop without an end, or a choice between two graphs."""
    ends = [helper.make_tensor_value_info("going", TensorProto.BOOL, [])]
    if random.random() < 0.5:
        steps = [
            helper.make_tensor_value_info("step", INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ]
        body = helper.make_graph([helper.make_node("Identity", ["go"], ["going"])], "body", steps, ends)
        odd = helper.make_node("Loop", ["", "always"], [], body=body)
    else:
        body = helper.make_graph([helper.make_node("Identity", ["always"], ["going"])], "branch", [], ends)
        odd = helper.make_node("If", ["always"], ["chosen"], then_branch=body, else_branch=body)
    weights = [*tables(), numpy_helper.from_array(np.array(True), "always")]
    (folder / GRAPH).write_bytes(graph(nodes=[*layers(), odd], weights=weights).SerializeToString())
    return Refusal


def _nodes(random: Random, folder: Path) -> Any:
    """Steps that are unknown, or that fail once they run."""
    both = layers()
    odd: list[list[Any]] = [
        [helper.make_node("Evil", ["input_ids"], ["x"]), *both],
        [helper.make_node("Evil", ["input_ids"], ["x"], domain="evil.domain"), *both],
        [both[0], helper.make_node("MatMul", ["labels", "vectors"], ["logits"])],
        [both[0]],
        [both[0], helper.make_node("MatMul", ["nowhere", "labels"], ["logits"])],
        [helper.make_node("PythonOp", ["input_ids"], ["x"], domain="com.microsoft"), *both],
    ]
    reverse = random.random() < 0.1  # a graph's steps have an order by what they need
    nodes = both[::-1] if reverse else random.choice(odd)
    (folder / GRAPH).write_bytes(graph(nodes=nodes).SerializeToString())
    return None if reverse else Refusal


def _few_words(random: Random, folder: Path) -> Any:
    """Fewer vectors than the vocabulary has words."""
    weights = tables()
    words = numpy_helper.to_array(weights[0])
    weights[0] = numpy_helper.from_array(words[: random.randint(1, 100)].copy(), "words")
    onnx.save(graph(weights=weights), folder / GRAPH)
    return Refusal


def _opset(random: Random, folder: Path) -> Any:
    model = graph()
    if random.random() < 0.5:
        model.opset_import[0].version = random.choice([0, -1, 999, 10**9])
    else:
        model.ir_version = random.choice([0, 99, 10**9])
    (folder / GRAPH).write_bytes(model.SerializeToString())
    return Unknown


def _no_length(random: Random, path: Path) -> None:
    change(path, lambda each: each.pop("model_max_length"))


def _labels(random: Random, folder: Path) -> Any:
    def edit(entries: dict[str, Any]) -> None:
        names = entries["id2label"]
        entries["id2label"] = random.choice(
            [
                list(LABELS),
                None,
                {},
                5,
                {**names, str(len(names)): "B-X"},
                {key: value for key, value in names.items() if key != "0"},
                {**names, "1": 5},
                {**names, "1": "ORG"},
                dict.fromkeys(names, "O"),
            ]
        )

    change(folder / "config.json", edit)
    return Refusal


def _other(random: Random, folder: Path) -> Any:
    """What is no graph at all."""
    (folder / GRAPH).write_bytes(random.choice([b"", b"x", b"\x80\x04}.", bytes(1000), b"{}", b"\xff" * 5000]))
    return Refusal


def _named(random: Random, folder: Path) -> Any:
    """Notes that change nothing."""
    model = graph()
    model.producer_name = random.choice(["", "x" * 10_000, "\u202e"])
    model.metadata_props.add(key="location", value="../../etc")
    model.doc_string = "a note"
    onnx.save(model, folder / GRAPH)


DAMAGE: dict[str, Damage] = {
    **common(JSON, (GRAPH, *JSON)),
    "inputs and outputs": _ends,
    "weights elsewhere": _elsewhere,
    "no numbers": _not_numbers,
    "loops": _loop,
    "steps": _nodes,
    "few words": _few_words,
    "versions": _opset,
    "length": of_settings(TOKENIZER_CONFIG, LENGTHS),
    "no length": of_file(_no_length, Refusal, TOKENIZER_CONFIG),
    "labels": _labels,
    "sizes": of_settings(CONFIG, SIZES),
    "another file": _other,
    "notes": _named,
}
