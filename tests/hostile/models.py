"""Model folders: a tiny tagger whose configuration or weights are damaged."""

import json
import pickle
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from finkd.export.loading import load_tagger
from finkd.inference.tagging import predict
from finkd.stages.prune import Prune
from tests.finkd.toys import LABELS, context, tiny_model
from tests.hostile.case import Case, Refusal, Unknown
from tests.hostile.damage import ODD_VALUES, Damage, change, common, damaged, of_settings
from tests.toys import roberta

TEXT = "Acme Corp fell after Goldman Sachs lent money to the Borrower. Société Générale rose 4.75%."
FAMILIES = ("bert", "roberta", "distilbert", "slim")

CONFIG, WEIGHTS = "config.json", "model.safetensors"
REFUSED_KEYS: dict[str, list[Any]] = {
    "quantization_config": [{"quant_method": "gptq", "bits": 4}, {"load_in_4bit": True}, "awq", 5, []],
    "configuration_files": [["config.4.0.0.json"], 5],
    "transformers_weights": ["../other.safetensors", "pytorch_model.bin"],
    "attn_implementation": ["someone/kernel", "flash_attention_2", 5],
    "_attn_implementation": ["someone/kernel:code"],
    "architectures": [5, [5], "BertForTokenClassification", {}, [["a"]]],
    "dtype": ["load", "int8", 5, "nn", ""],
    "torch_dtype": ["save", ["float32"]],
    "return_dict": [False, 1, None],
    "from_pretrained": [5],
    "to_dict": ["x"],
    "attribute_map": [5, {"a": "b"}],
    "label2id": [5, ["O"]],
    "chunk_size_feed_forward": [1, 3, -1],
    "num_labels": [1, 70, "5", 0],
    "layer_norm_eps": [0, -1, "x", 2, None],
}
UNKNOWN_KEYS = {f"x{number}": ODD_VALUES[:4] for number in range(5)}


@cache
def whole(family: str) -> Path:
    """A folder that is right, made once."""
    folder = Path(tempfile.mkdtemp(prefix=f"finkd-{family}-"))
    tokenizer = roberta() if family == "roberta" else None
    model = tiny_model(tokenizer, labels=LABELS, family="bert" if family == "slim" else family, positions=64)
    if family == "slim":
        with tempfile.TemporaryDirectory() as work:
            model, _ = Prune(what="heads", by="magnitude").run(model, context(Path(work)))
    model.save(folder)
    return folder


def found(folder: Path) -> list[tuple[int, int, str]]:
    """Entities of a text, by the tagger in a folder, of which no code is run."""
    try:
        (tagged,) = predict([TEXT], load_tagger(folder))
        return [(each.start, each.end, each.label) for each in tagged.mentions]
    finally:
        assert not (folder / "ran").exists(), "code in the folder was run"


def generate(random: Random, folder: Path) -> Case:
    """One damaged folder."""
    return damaged(random, folder, whole(random.choice(FAMILIES)), found, DAMAGE)


def _key(entries: dict[str, Any], *names: str) -> str:
    return next(name for name in names if name in entries)


def _size(*names: str, near: bool = True) -> Damage:
    """A size that is not what the weights have."""

    def damage(random: Random, folder: Path) -> Any:
        def edit(entries: dict[str, Any]) -> None:
            key = _key(entries, *names)
            close = [entries[key] + step for step in (-1, 1, entries[key])] if near else []
            entries[key] = random.choice([*close, 0, -1, 10**9, 2**62, 1.5, "12", [entries[key]], True, {}])

        change(folder / "config.json", edit)
        return Refusal

    return damage


def _labels(random: Random, folder: Path) -> Any:
    count = len(LABELS)
    left_out = str(random.randrange(count))

    def edit(entries: dict[str, Any]) -> None:
        names = entries["id2label"]
        entries["id2label"] = random.choice(
            [
                list(LABELS),
                {},
                5,
                "O",
                {str(n): "O" for n in range(count)},
                {
                    **names,
                    str(random.randrange(count)): random.choice([None, 5, "", " ", "B-", "ORG", "B-A\nB", ["O"]]),
                },
                {key: value for key, value in names.items() if key != left_out},
                {**names, str(count): "B-X"},
                {f"{key} ": value for key, value in names.items()},
                {**names, "x": "B-X"},
                {str(n): f"B-{n}" for n in range(70_000)},
            ]
        )

    change(folder / "config.json", edit)
    return Refusal


def _code(random: Random, folder: Path) -> Any:
    """An unknown model whose code lies in the folder, or a known one that names such code."""
    code = f"open({str(folder / 'ran')!r}, 'w')\nclass Evil: pass\n"
    (folder / "evil.py").write_text(code)
    (folder / "__init__.py").write_text(code)
    classes = ("AutoConfig", "AutoModel", "AutoModelForTokenClassification", "AutoTokenizer")
    entries = {"auto_map": dict.fromkeys(random.sample(classes, random.randint(1, 4)), "evil.Evil")}
    unknown = random.random() < 0.7
    if unknown:
        entries["model_type"] = random.choice(["evil", "", "BERT", "evil.Evil", "../evil"])
    change(folder / "config.json", lambda each: each.update(entries))
    return Refusal if unknown else None


class _Evil:
    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.marker, "w")


def _pickle(random: Random, folder: Path) -> Any:
    whole_file = random.random() < 0.5
    (folder / "model.safetensors").unlink()
    name = random.choice(["pytorch_model.bin", "model.pt", "pytorch_model.bin.index.json", "model.safetensors"])
    with (folder / name).open("wb") as file:
        if whole_file:
            torch.save({"weight": _Evil(str(folder / "ran"))}, file)
        else:
            pickle.dump(_Evil(str(folder / "ran")), file)
    return Refusal


def _weights(edit: Callable[[Random, dict[str, torch.Tensor]], Any]) -> Damage:
    def damage(random: Random, folder: Path) -> Any:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        expected = edit(random, tensors)
        save_file(tensors, path, {"format": "pt"})
        return expected

    return damage


def _not_numbers(random: Random, tensors: dict[str, torch.Tensor]) -> Any:
    weight = tensors[random.choice(sorted(tensors))]
    weight.view(-1)[random.randrange(weight.numel())] = random.choice([float("nan"), float("inf"), float("-inf")])
    return Refusal


def _without(random: Random, tensors: dict[str, torch.Tensor]) -> Any:
    del tensors[random.choice(sorted(tensors))]
    return Refusal


def _reshaped(random: Random, tensors: dict[str, torch.Tensor]) -> Any:
    name = random.choice(sorted(tensors))
    tensors[name] = torch.cat([tensors[name], tensors[name]], dim=random.randrange(tensors[name].dim()))
    return Refusal


def _as_integers(random: Random, tensors: dict[str, torch.Tensor]) -> Any:
    name = random.choice(sorted(tensors))
    tensors[name] = tensors[name].to(random.choice([torch.int64, torch.int8, torch.bool, torch.float8_e4m3fn]))
    return Refusal


def _more_layers(random: Random, tensors: dict[str, torch.Tensor]) -> Any:
    for name in [each for each in tensors if "layer.1." in each]:
        tensors[name.replace("layer.1.", "layer.2.")] = tensors[name].clone()
    return Refusal


def _more(random: Random, tensors: dict[str, torch.Tensor]) -> Any:
    tensors[random.choice(["extra", "pooler.dense.weight", "optimizer.step", "é", "a" * 300])] = torch.ones(3)


def _doubles(random: Random, tensors: dict[str, torch.Tensor]) -> Any:
    for name in tensors:
        tensors[name] = tensors[name].double()


def _halves(random: Random, tensors: dict[str, torch.Tensor]) -> Any:
    for name in tensors:
        tensors[name] = tensors[name].to(random.choice([torch.float16, torch.bfloat16]))
    return Unknown


def _head_length(random: Random, folder: Path) -> Any:
    path = folder / "model.safetensors"
    raw = path.read_bytes()
    length = random.choice([0, 1, 2**63, 2**64 - 1, len(raw), 2**31, 10**9])
    path.write_bytes(struct.pack("<Q", length) + raw[8:])
    return Refusal


def _head(random: Random, folder: Path) -> Any:
    """Another head over the same bytes."""
    path = folder / "model.safetensors"
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8 : 8 + length])
    name = random.choice(sorted(set(head) - {"__metadata__"}))
    key = random.choice(["dtype", "shape", "data_offsets"])
    value = {
        "dtype": ["F32 ", "X", 5, None],
        "shape": [[-1], [2**40, 2**40], "x", None, [0]],
        "data_offsets": [[0, 1], [5, 2], [-1, 3], [0, 2**60], None],
    }[key]
    head[name][key] = random.choice(value)
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])
    return Refusal


def _shards(random: Random, folder: Path) -> Any:
    """Weights in two files and an index, which may name files elsewhere."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    where = {name: parts[number % 2] for number, name in enumerate(sorted(tensors))}
    for part in parts:
        save_file({name: tensors[name] for name in tensors if where[name] == part}, folder / part, {"format": "pt"})
    wrong = random.random() < 0.6
    if wrong:
        name = random.choice(sorted(tensors))
        where[name] = random.choice([f"../{folder.name}/{parts[0]}", "/etc/passwd", "absent.safetensors", 5, None, ""])
    index = {"metadata": {"total_size": 1}, "weight_map": where}
    if wrong and random.random() < 0.2:
        index["weight_map"] = random.choice([None, [], {}, "x"])
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return Refusal if wrong else None


def _adapters(random: Random, folder: Path) -> Any:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "../other", "peft_type": "LORA"}')
    return Refusal


def _slim(random: Random, folder: Path) -> Any:
    odd: list[Any] = [
        5,
        [1],
        {"heads": [0, 0]},
        {"units": ["a"]},
        {"units": [10**9, 10**9]},
        {"ranks": {"0.query": -1}},
    ]
    odd += [{"shared": "some"}, {"stacked": {"query": [1, 2, 3]}}, {"unknown": 1}]
    change(folder / "config.json", lambda each: each.update(slim=random.choice(odd), model_type="finkd-bert"))
    return Unknown


def _activation(random: Random, folder: Path) -> Any:
    def edit(entries: dict[str, Any]) -> None:
        entries[_key(entries, "hidden_act", "activation")] = random.choice(["gelou", "", 5, None, ["gelu"], {}])

    change(folder / "config.json", edit)
    return Refusal


DAMAGE: dict[str, Damage] = {
    **common((CONFIG,), (CONFIG, WEIGHTS, "tokenizer.json")),
    "config: unknown keys": of_settings(CONFIG, UNKNOWN_KEYS, expected=None),
    "config: a key that is refused": of_settings(CONFIG, REFUSED_KEYS),
    "config: layers": _size("num_hidden_layers", "n_layers"),
    "config: width": _size("hidden_size", "dim"),
    "config: heads": _size("num_attention_heads", "n_heads", near=False),
    "config: inner width": _size("intermediate_size", "hidden_dim"),
    "config: vocabulary": _size("vocab_size"),
    "config: positions": _size("max_position_embeddings"),
    "config: padding": of_settings(CONFIG, {"pad_token_id": [1_000_000, -1, "x", 1.5, [0], 10**12]}),
    "config: labels": _labels,
    "config: activation": _activation,
    "config: slim": _slim,
    "code": _code,
    "pickles": _pickle,
    "weights: length of the head": _head_length,
    "weights: the head": _head,
    "weights: no numbers": _weights(_not_numbers),
    "weights: one is missing": _weights(_without),
    "weights: another shape": _weights(_reshaped),
    "weights: integers": _weights(_as_integers),
    "weights: more layers": _weights(_more_layers),
    "weights: one more": _weights(_more),
    "weights: doubles": _weights(_doubles),
    "weights: halves": _weights(_halves),
    "weights: several files": _shards,
    "adapters": _adapters,
}
