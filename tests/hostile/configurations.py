"""Configurations: odd but legal YAML that must give the same experiment, and broken ones that must be refused."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from finkd.experiments.configuration.experiment import Experiment, from_settings, load_experiment, resolved
from finkd.experiments.running.prepared import Prepared
from finkd.strategies.parsing import parse
from tests.experiments.conftest import TEST, TRAIN
from tests.finkd.toys import tiny_model
from tests.hostile.case import Case, Refusal, Unknown

Settings = dict[str, Any]

TEXT = "\n".join(f"The bank number {number} lent some money to Acme Corp." for number in range(40)) + "\n"


@cache
def _files() -> Path:
    """A teacher, a labelled corpus and a raw text, made once for each process."""
    folder = Path(tempfile.mkdtemp(prefix="finkd-hostile-"))
    (folder / "teacher").mkdir()
    tiny_model(layers=3).save(folder / "teacher")
    (folder / "corpus").mkdir()
    (folder / "corpus" / "train.conll").write_text(TRAIN, encoding="utf-8")
    (folder / "corpus" / "test.conll").write_text(TEST, encoding="utf-8")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    return folder


def _valid(random: Random) -> Settings:
    """Settings of a random experiment that can be run."""
    files = _files()
    students = (
        "truncate-layers > finetune",
        "truncate-layers > replace-vocabulary > task-distill:gold",
        "truncate-layers > task-distill:text > task-distill:gold",
        "select > truncate-layers(layers=[0,2]) > finetune(schedule.epochs=2)",
        "masked-teacher > truncate-layers > adapt > finetune",
        "finetune > compress:prune(by=magnitude)",
    )
    names = random.sample(("Domain vocabulary", "small", "on", "2024", "no", "教師 1", "1e-5", "a b"), 3)
    systems: Settings = {"teacher": {"role": "teacher", "strategy": "finetune"}}
    systems |= {name: {"strategy": random.choice(students)} for name in names}
    schedule = {"epochs": random.randint(1, 9), "batch_tokens": 32 * random.randint(1, 40)}
    schedule |= {"learning_rate": random.choice((1e-3, 5e-5, 0.01)), "dropout": random.choice((0.0, 0.1))}
    return {
        "name": random.choice(("toy", "Toy 2", "a-b")),
        "corpus": str(files / "corpus"),
        "split": "test",
        "teacher": str(files / "teacher"),
        "text": {"corpus": str(files / "text.txt"), "sentences": random.randint(1, 60), "seed": random.randrange(9)},
        "precision": random.choice(("fp32", "auto")),
        "measure": random.randrange(300),
        "baselines": ["dictionary"],
        "seeds": random.sample(range(100), random.randint(1, 4)),
        "stages": {"finetune": {"schedule": schedule}, "replace-vocabulary": {"size": random.randint(90, 200)}},
        "systems": systems,
    }


def _file(folder: Path, text: str) -> Path:
    path = folder / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _dumped(settings: Any, **options: Any) -> str:
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, **options)


def _shuffled(random: Random, value: Any) -> Any:
    """The same settings with their keys in another order, but for systems, whose order counts."""
    if not isinstance(value, dict):
        return value
    items = list(value.items())
    random.shuffle(items)
    return {key: each if key == "systems" else _shuffled(random, each) for key, each in items}


def _numbers(value: Any, spell: Callable[[Any], Any]) -> Any:
    """The same settings with other spellings of their numbers."""
    if isinstance(value, dict):
        return {key: _numbers(each, spell) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each, spell) for each in value]
    return spell(value) if isinstance(value, int | float) else value


class _Written(str):
    """A scalar that is written as it stands."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Written, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:int", str(text)))


def _in_base(random: Random, value: Any) -> Any:
    if isinstance(value, float) or (value < 1000 and random.random() < 0.5):
        return value
    return _Written(random.choice((hex(value), f"{value:_}", f"+{value}", bin(value))))


def _with_adapt(settings: Settings) -> Settings:
    schedule = settings["stages"]["finetune"]["schedule"]
    return {**settings, "stages": {**settings["stages"], "adapt": {"schedule": schedule}}}


def _merged(settings: Settings) -> str:
    schedule = settings["stages"]["finetune"]["schedule"]
    rest = _dumped({key: value for key, value in settings.items() if key != "stages"})
    lines = [f"      {key}: {value}" for key, value in schedule.items()]
    size = settings["stages"]["replace-vocabulary"]["size"]
    lines = ["stages:", "  finetune:", "    schedule: &one", *lines, "  adapt: {schedule: {<<: *one}}"]
    return rest + "\n".join([*lines, f"  replace-vocabulary: {{size: {size}}}", ""])


def _commented(random: Random, text: str) -> str:
    lines = []
    for line in text.splitlines():
        lines += ["", "# a: [", "   # }"][: random.randrange(4)]
        lines.append(line + random.choice(("", "   ", "  # > finetune")))
    return "\n".join(lines) + "\n"


Legal = Callable[[Random, Settings], tuple[str, Settings]]
"""Settings -> a text that means the same, and what it means."""

LEGAL: dict[str, Legal] = {
    "block": lambda random, s: (_dumped(s, indent=random.randint(2, 8), width=random.choice((10, 80, 10_000))), s),
    "flow": lambda random, s: (_dumped(s, default_flow_style=True, width=random.choice((10, 80, 10_000))), s),
    "json": lambda random, s: (
        json.dumps(s, indent=random.choice((None, 1, 4)), ensure_ascii=bool(random.randrange(2))),
        s,
    ),
    "quoted": lambda random, s: (_dumped(s, default_style=random.choice(("'", '"'))), s),
    "numbers as text": lambda random, s: (_dumped(_numbers(s, str)), s),
    "numbers in other bases": lambda random, s: (
        yaml.dump(
            _numbers(s, lambda value: _in_base(random, value)), Dumper=_Dumper, allow_unicode=True, sort_keys=False
        ),
        s,
    ),
    "padded numbers": lambda random, s: (
        _dumped(s).replace(
            f"size: {s['stages']['replace-vocabulary']['size']}", f"size: 0{s['stages']['replace-vocabulary']['size']}"
        ),
        s,
    ),
    "aliases": lambda random, s: (_dumped(_with_adapt(s)), _with_adapt(s)),
    "merge keys": lambda random, s: (_merged(s), _with_adapt(s)),
    "comments": lambda random, s: (_commented(random, _dumped(s, width=10_000)), s),
    "crlf": lambda random, s: (_dumped(s).replace("\n", "\r\n"), s),
    "signature": lambda random, s: ("\ufeff" + _dumped(s), s),
    "other order": lambda random, s: (_dumped(_shuffled(random, s)), s),
    "document marks": lambda random, s: (f"%YAML 1.1\n---\n{_dumped(s)}...\n", s),
    "search beside": lambda random, s: (_dumped({**s, "search": {"space": {}}}), s),
    "null is the default": lambda random, s: (_dumped({**s, "budget": None, "general": None}), s),
}


def _set(settings: Settings, dotted: str, value: Any) -> Settings:
    found = copy.deepcopy(settings)
    *parents, key = dotted.split(".")
    place = found
    for parent in parents:
        place = place.setdefault(parent, {})
    place[key] = value
    return found


def _without(settings: Settings, key: str) -> Settings:
    return {name: value for name, value in settings.items() if name != key}


WRONG: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("stages.finetune.schedule.epochs", (-1, [1], {"a": 1}, "many", True, float("nan"), float("inf"), "1e999")),
    ("stages.finetune.schedule.batch_tokens", (0, 1.5, -3, "9" * 30, 10**25, "x", [])),
    ("stages.replace-vocabulary.size", (0, -1, 2.5, "0o10", "1:30", 2**60, {})),
    ("stages.truncate-layers.layers", ([], [1, 0], [0, 0], [-1], [3], ["a"], 2.5, [10**20])),
    ("stages.truncate-layers.width", (0, 31, 33, 64, 10**9, "wide")),
    ("seeds", ([], [1, 1], [-1], [2**32], ["x"], [1.5], 5, {"a": 1}, list(range(2000)))),
    ("measure", (-1, 10**9, 0.5, "x", [1])),
    ("name", ("", "???", "a\x00b", "\x1b[31m", 5, ["a"], {"a": 1}, "\ud800")),
    ("split", ("tset", "", 5, ["test"], "validation")),
    ("extra_splits", (["test"], ["train"], ["nope"], [1], "test")),
    ("corpus", ("", "sampel", "sample-text", "/dev/null", "/", "a\x00b", 7, "x" * 5000)),
    ("teacher", ("", "/", "nobody/none", "../..", "a\x00b", 5, "x" * 5000)),
    ("text", ({}, {"corpus": "/none", "sentences": 5}, "x", {"corpus": "sample", "sentences": 1})),
    ("text.sentences", (0, -5, 1.5, 2**60, "many")),
    ("text.min_words", (61, 1000, 10**12)),
    ("text.sources", ({}, {"none": 1}, {"text": 0}, {"text": float("nan")}, {"text": -1}, 5)),
    ("baselines", (["dictionry"], [5], "dictionary", [[]])),
    ("precision", ("fp16", 32, "", "FP32")),
    ("scheme", ("IOB3", 2, "iob2")),
    ("budget", ({}, {"tokens": 0}, {"tokens": 5, "steps": 5}, {"seconds": "x"}, 5, {"hours": 1})),
    ("systems.small one.role", ("boss", 5, ["teacher"])),
    ("systems.extra", (5, [], "finetune", {}, {"strategy": ["finetune"]}, {"strategy": "finetune", "x": 1})),
    ("systems.extra", ({"after": "none", "strategy": "truncate-layers"}, {"after": ["a"], "strategy": "x"})),
    ("systems.extra", ({"after": "teacher"}, {"role": "teacher", "strategy": "finetune"})),
    ("systems.Teacher", ({"strategy": "finetune"},)),
    ("systems.???", ({"strategy": "finetune"},)),
    ("stages.finetun", ({}, {"schedule": {}})),
    ("stages.task-distill:txt", ({},)),
    ("stages.finetune.epochs", (3,)),
    ("stages.task-distill.losses", ({}, {"word-k": {}}, {"word-logits-kl": {"temprature": 1}}, 5, "tinybrt")),
)
"""Keys of settings and values that must be refused."""

STRATEGIES = (
    *("", ">", "finetune >", "> finetune", "truncate-layers >> finetune", "truncate-layers finetune", "finetune)"),
    *("truncate-layers(layers=[0] > finetune", "truncate-layers(layers=[0,5) > finetune", "finetun", "adalm(x=1)"),
    *(
        "truncate-layers(layers={a) > finetune",
        "truncate-layers(layers) > finetune",
        "truncate-layers",
        "\ud800finetune",
    ),
    *("truncate-layers(=1) > finetune", "truncate-layers(layers..x=1) > finetune", "finetune(smoothing=1)", "\u0000"),
    *(
        "truncate-layers(layer=[0]) > finetune",
        "distill(teacher=a(b)) > finetune",
        "finetune > adapt",
        "truncate-layers",
    ),
    *("finetune(schedule={a: 1, a: 2})", "finetune(schedule.epochs=.nan)", f"finetune(schedule.epochs={'9' * 4500})"),
    *(f"truncate-layers(layers={'[' * 3000}) > finetune", " > ".join(["truncate-layers"] * 30_000)),
    *(" > ".join(["finetune"] * 500), "finetune" + "(" * 3000, "replace-vocabulary(tokenizer=/) > finetune"),
    *("replace-vocabulary(algorithm=nope) > finetune", "replace-vocabulary(transfer=nope) > finetune"),
    *("replace-vocabulary(general=/none) > finetune", "truncate-layers > distill:general > finetune"),
    *("distill(losses=distilbert) > finetune", "compress:decompose > finetune", "compress:prune > finetune"),
    *("compress:prune(what=layers, by=magnitude) > finetune", "compress:factorize(rank=32) > finetune"),
    *("compress:quantize(by=uniform, bits=5) > finetune", "task-distill:gold(entity_replacement=2)"),
    *("truncate-layers(layers=[0,9]) > finetune", "truncate-layers"),
)


def _texts(random: Random) -> dict[str, str]:
    """YAML texts that are refused whatever the settings are."""
    count = random.randint(20, 200)
    laughs = "".join(f"\na{i}: &a{i} [{', '.join([f'*a{i - 1}'] * random.randint(2, 9))}]" for i in range(1, count))
    merges = "".join(f"\na{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, count))
    depth = random.randint(50, 60_000)
    return {
        "billion laughs": "a0: &a0 [x]" + laughs,
        "merged laughs": "a0: &a0 {k: 1}" + merges,
        "brackets": random.choice("[{") * depth,
        "closed brackets": "x: " + "[" * depth + "]" * depth,
        "nested blocks": "\n".join(" " * i + "a:" for i in range(random.randint(50, 400))),
        "nested dashes": "- " * depth + "a",
        "question marks": "? " * depth,
        "many values": f"seeds: [{'1,' * random.randint(11_000, 60_000)}]",
        "many systems": "systems:\n"
        + "".join(f"  s{i}: {{strategy: finetune}}\n" for i in range(random.randint(300, 20_000))),
        "a large file": "# " + "x" * random.randint(900_000, 3_000_000),
        "a long line": "name: " + "x" * random.randint(250_000, 700_000),
        "cycle": random.choice(("&a [*a]", "&a {b: *a}", "a: &a {<<: *a}")),
        "keys": random.choice(("{? [1] : a}", "{? {a: 1} : a}", "{? : 1}", "{? !!binary aGk= : 1}", ": 1")),
        "tags": random.choice(
            ("!!set {a}", "!!binary aGk=", "!!python/object/apply:os.system [x]", "!x y", "!!omap [a: 1]")
        ),
        "documents": "a: 1\n---\nb: 2\n",
        "tab": "a:\n\tb: 1\n",
        "no mapping": random.choice(("", "[]", "5", "text", "- a", "null", "~", "--- ")),
        "half a pair": random.choice(('name: "\\ud83d"', '"\\udc00": 1')),
        "undefined alias": "a: *b",
    }


BYTES = (b"name: \xff\n", b"\xfe\xffn", b"\x00", b"n\x00a\x00m\x00e\x00", b"name: \xed\xa0\x80\n", b"\x1f\x8b\x08\x00")

OVERRIDES = (
    *("epochs", "=3", "seeds=[1", "a..b=1", ".=1", "seeds={a: 1, a: 2}", "seeds=" + "9" * 5000, "x=1", "systems=5"),
    *("stages=[1]", "a." * 5000 + "b=1", "seeds=" + "[" * 9000, "name=null", "measure=.nan", "measure=1e400"),
    *("name=\ud800", "stages.truncate-layers=7", "systems=null"),
    *("stages.finetune.schedule.epochs.x=1", "corpus=&a [*a]", "corpus=", "seeds=!!set {1}"),
)


def _loaded(path: Path, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    return _meaning(load_experiment(path, overrides))


def _meaning(experiment: Experiment) -> dict[str, Any]:
    """An experiment as plain values, with its stages instead of settings that may be spelled in several ways."""
    steps = {name: parse(system.strategy, experiment.stages) for name, system in experiment.systems.items()}
    return {**resolved(experiment), "stages": steps}


def _prepared(path: Path, overrides: tuple[str, ...] = ()) -> list[str]:
    """The checks before work."""
    experiment = load_experiment(path, overrides)
    prepared = Prepared(experiment, path.parent / "store")
    return [key for *_, stages in prepared.addresses(experiment.seeds[0]) for _, key in stages]


def _legal(random: Random, folder: Path) -> Case:
    name, settings = random.choice(sorted(LEGAL)), _valid(random)
    text, meant = LEGAL[name](random, settings)
    path = folder / "odd.yaml"
    path.write_bytes(text.encode("utf-8"))
    return Case(f"legal: {name}", lambda: _loaded(path), _meaning(from_settings(meant)))


def _by_overrides(random: Random, folder: Path) -> Case:
    settings = _valid(random)
    keys = random.sample(sorted(_without(settings, "name")), random.randint(1, 6))
    path = _file(folder, _dumped({key: value for key, value in settings.items() if key not in keys}))
    overrides = tuple(f"{key}={json.dumps(settings[key])}" for key in keys)
    return Case("legal: overrides", lambda: _loaded(path, overrides), _meaning(from_settings(settings)))


def _continued(random: Random, folder: Path) -> Case:
    settings = _set(_valid(random), "systems.more", {"after": "teacher", "strategy": "compress:tie-layers > finetune"})
    meant = _set(settings, "systems.more", {"strategy": "finetune > compress:tie-layers > finetune"})
    path = _file(folder, _dumped(settings))
    return Case("legal: after", lambda: _loaded(path), _meaning(from_settings(meant)))


def _checked(random: Random, folder: Path) -> Case:
    path = _file(folder, _dumped(_valid(random)))
    return Case("legal: checks", lambda: bool(_prepared(path)), True)


def _wrong(random: Random, folder: Path) -> Case:
    key, values = random.choice(WRONG)
    settings = _set(_valid(random), "systems.small one", {"strategy": "truncate-layers > finetune"})
    path = _file(folder, _dumped(_set(settings, key, random.choice(values))))
    return Case(f"wrong: {key}", lambda: _prepared(path), Refusal)


def _strategy(random: Random, folder: Path) -> Case:
    number = random.randrange(len(STRATEGIES))
    settings = _set(_valid(random), "systems.extra", {"strategy": STRATEGIES[number]})
    path = _file(folder, json.dumps(settings))
    return Case(
        f"strategy: {STRATEGIES[number][:40]!r}", lambda: _prepared(path), Refusal, ("systems.extra", str(path))
    )


def _text(random: Random, folder: Path) -> Case:
    texts = _texts(random)
    name = random.choice(sorted(texts))
    path = _file(folder, texts[name])
    return Case(f"text: {name}", lambda: _loaded(path), Refusal)


def _bytes(random: Random, folder: Path) -> Case:
    path = folder / "bytes.yaml"
    path.write_bytes(random.choice(BYTES))
    return Case("bytes: not UTF-8", lambda: _loaded(path), Refusal, (str(path),))


def _twice(random: Random, folder: Path) -> Case:
    settings = _valid(random)
    key = random.choice(sorted(settings))
    path = _file(folder, _dumped(settings) + _dumped({key: settings[key]}))
    return Case("damage: a key twice", lambda: _loaded(path), Refusal, (f"'{key}' is given twice",))


def _missing(random: Random, folder: Path) -> Case:
    key = random.choice(("name", "corpus", "split", "systems"))
    path = _file(folder, _dumped(_without(_valid(random), key)))
    return Case("damage: a key less", lambda: _loaded(path), Refusal, (f"{key}: missing",))


def _typo(random: Random, folder: Path) -> Case:
    settings = _valid(random)
    key = random.choice(sorted(settings))
    place = random.randrange(len(key))
    typo = key[:place] + random.choice("xyz") + key[place:]
    path = _file(folder, _dumped({typo: settings.pop(key), **settings}))
    return Case("damage: a mistyped key", lambda: _loaded(path), Refusal, (f"{typo}: unknown setting",))


def _override(random: Random, folder: Path) -> Case:
    path = _file(folder, _dumped(_valid(random)))
    override = random.choice(OVERRIDES)
    return Case(f"override: {override[:40]!r}", lambda: _prepared(path, (override,)), Refusal)


def _mutated(random: Random, folder: Path) -> Case:
    content = bytearray(_dumped(_valid(random)).encode())
    for _ in range(random.randint(1, 8)):
        place = random.randrange(len(content))
        match random.randrange(4):
            case 0:
                content[place] = random.randrange(256)
            case 1:
                del content[place : place + random.randint(1, 20)]
            case 2:
                content[place:place] = random.choice(
                    (b"*a", b"&a ", b"[", b"}", b"!!", b": ", b"- ", b"\t", b'"', b"<<: ", b"0", b"\xc2\x85")
                )
            case _:
                end = place + random.randint(1, 40)
                content[place:place] = content[place:end] * random.randint(1, 3)
    path = folder / "mutated.yaml"
    path.write_bytes(bytes(content))
    return Case("mutated: bytes", lambda: _prepared(path), Unknown)


def _soup(random: Random, folder: Path) -> Case:
    words = (
        *("truncate-layers", "finetune", ">", "(", ")", "[", "]", "{", "}", ",", "=", ":", "layers", "'", '"', " "),
        *("0", "adapt", "gold", "&a", "*a", "\\"),
    )
    text = "".join(random.choice(words) for _ in range(random.randint(1, 60)))
    settings = _set(_valid(random), "systems.extra", {"strategy": text})
    path = _file(folder, json.dumps(settings))
    return Case("mutated: strategy", lambda: _prepared(path), Unknown)


def _any_value(random: Random, folder: Path) -> Case:
    values = (
        0,
        1,
        -1,
        2**53,
        1e300,
        1e-300,
        -0.0,
        "",
        " ",
        "\n",
        [],
        {},
        True,
        None,
        "null",
        "0",
        "x",
        ["x"],
        {"x": {}},
    )
    key, _ = random.choice(WRONG)
    path = _file(folder, _dumped(_set(_valid(random), key, random.choice(values))))
    return Case("mutated: value", lambda: _prepared(path), Unknown)


FAMILIES = (
    *(*[_legal] * 6, _by_overrides, _continued, *[_checked] * 2, *[_wrong] * 6, *[_strategy] * 4, *[_text] * 4),
    *(_bytes, _twice, _missing, _typo, *[_override] * 2, *[_mutated] * 4, *[_soup] * 2, *[_any_value] * 3),
)


def generate(random: Random, folder: Path) -> Case:
    """Write one random configuration into an empty folder."""
    return random.choice(FAMILIES)(random, folder)
