"""Tokenizer folders: small tokenizers of every family whose files are damaged."""

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from finkd.tokenization.tokenizer import ROLES, Tokenizer
from tests.hostile.case import Case, Refusal, Unknown
from tests.hostile.damage import ODD_VALUES, Damage, change, common, damaged, of_settings
from tests.toys import FAMILIES, TEXTS

READ = ("", *TEXTS[:3], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "\N{SNOWMAN} 12,5 %\t\n  x")
FILE, CONFIG = "tokenizer.json", "tokenizer_config.json"
_CATASTROPHES = ("(a+)+b", "(a*)*b", "(a|a)+b", "(a|aa)+b", "(?:a+?)+b", "([a-z]+)*\\d", "(.*)*=", ".*.*.*=", "(a)\\1")
_HUGE = ("x{1000}{1000}", "(x{500}){500}", "a" * 3000, "[" + "a" * 3000 + "]")
_BROKEN_PATTERNS = ("(a", "[a", "a)", "*", "(?<n>", "\\", "(?P<n>a)", "\0")
_MODEL = {
    "type": [None, "X", 5, "wordpiece"],
    "vocab": [None, {}, [], 5, "x", {"a": "b"}],
    "max_input_chars_per_word": [-1, 10**12, "x", 10**30],
}
_PUBLISHED = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+",
)


@cache
def whole(family: str) -> Path:
    """A folder that is right, made once."""
    folder = Path(tempfile.mkdtemp(prefix=f"finkd-{family}-")) / "tokenizer"
    FAMILIES[family]().save(folder)
    return folder


def cuts(folder: Path) -> list[Any]:
    """Ids and places of the tokens of some texts, and the special tokens."""
    tokenizer = Tokenizer.load(folder)
    tokens = tokenizer.encode(READ)
    return [tokens.ids.tolist(), tokens.starts.tolist(), tokens.ends.tolist(), tokenizer.special_ids, len(tokenizer)]


def generate(random: Random, folder: Path) -> Case:
    """One damaged folder."""
    return damaged(random, folder, whole(random.choice(sorted(FAMILIES))), cuts, DAMAGE)


def _ids(random: Random, folder: Path) -> Any:
    """Ids that are none, or of another entry."""

    def edit(entries: dict[str, Any]) -> None:
        vocabulary, added = entries["model"]["vocab"], entries["added_tokens"]
        wrong = random.choice([4_000_000_000, 2**32, -1, 10**30, 1.5, "7", None, 2**31, 3])
        if isinstance(vocabulary, dict) and random.random() < 0.7:
            vocabulary[random.choice(["\N{SNOWMAN}new", *list(vocabulary)[10:20]])] = wrong
        else:
            content = random.choice(["new", "\u202e", "x" * 1000])
            added.append({**added[0], "content": content, "id": wrong})

    change(folder / FILE, edit)
    return Refusal


def _added_odd(random: Random, folder: Path) -> Any:
    def edit(entries: dict[str, Any]) -> None:
        key = random.choice(["content", "id", "special", "lstrip", "normalized"])
        wrong = {"content": ["", None, 5, "nobody"], "id": [None, "x", 99_999, -5]}.get(key, [None, "x", 5])
        entries["added_tokens"][random.randrange(len(entries["added_tokens"]))][key] = random.choice(wrong)

    change(folder / FILE, edit)
    return Refusal


def _pattern_step(random: Random, pattern: str) -> Callable[[dict[str, Any]], None]:
    """Put a step with a pattern into one of the places that take one."""

    def edit(entries: dict[str, Any]) -> None:
        replace = {"type": "Replace", "pattern": {"Regex": pattern}, "content": random.choice(["", "x", "yy"])}
        split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        match random.randrange(4):
            case 0:
                entries["normalizer"] = replace
            case 1:
                entries["pre_tokenizer"] = split
            case 2:
                entries["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, {"type": "Whitespace"}]}
            case _:
                entries["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFC"}, replace]}

    return edit


def _pattern(patterns: tuple[str, ...], expected: Any) -> Damage:
    def damage(random: Random, folder: Path) -> Any:
        change(folder / FILE, _pattern_step(random, random.choice(patterns)))
        return expected

    return damage


def _random_pattern(random: Random, folder: Path) -> Any:
    parts = [
        *("a", "(", ")", "|", "*", "+", "?", "[a-z]", "\\s", "\\p{L}", "{2,}", "{3}", ".", "(?:", "(?=", "(?i:"),
        *("[", "]"),
    ]
    change(folder / FILE, _pattern_step(random, "".join(random.choice(parts) for _ in range(random.randint(1, 14)))))
    return Unknown


def _growth(random: Random, folder: Path) -> Any:
    steps = [
        [{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * random.randint(20, 60),
        [{"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 10_000}],
        [{"type": "NFC"}] * 100,
    ]
    change(
        folder / FILE, lambda each: each.update(normalizer={"type": "Sequence", "normalizers": random.choice(steps)})
    )
    return Refusal


def _framing(random: Random, folder: Path) -> Any:
    """Special tokens around a text that are not those of the vocabulary, or too many."""

    def edit(entries: dict[str, Any]) -> None:
        processor = entries["post_processor"]
        if "single" not in processor:
            processor[random.choice(["cls", "sep"])] = random.choice([["<s>", 4_000_000_000], ["<no>", 0], ["<s>", 7]])
            return
        known = processor["special_tokens"]
        match random.randrange(4):
            case 0:
                known[random.choice(sorted(known))]["ids"] = [random.choice([4_000_000_000, 77, 100_000])]
            case 1:
                processor["single"] = processor["single"][:1] * random.choice([50, 5000]) + processor["single"][1:]
            case 2:
                processor["single"] = [each for each in processor["single"] if "Sequence" not in each]
            case _:
                processor["single"] = processor["single"] + [each for each in processor["single"] if "Sequence" in each]

    change(folder / FILE, edit)
    return Refusal


def _cutting(random: Random, folder: Path) -> Any:
    """Truncation and padding, which are switched off."""
    truncation = {
        "direction": random.choice(["Left", "Right"]),
        "max_length": random.choice([0, 1, 2, 3, 128, 10**9]),
        "strategy": random.choice(["LongestFirst", "OnlyFirst", "OnlySecond"]),
        "stride": random.choice([0, 0, 1]),
    }
    padding = {
        "strategy": random.choice(["BatchLongest", {"Fixed": random.choice([0, 1, 128, 10**9])}]),
        "direction": random.choice(["Left", "Right"]),
        "pad_to_multiple_of": random.choice([None, 0, 1, 8, 10**9]),
        "pad_id": random.choice([0, 1, 4_000_000_000]),
        "pad_type_id": 0,
        "pad_token": random.choice(["[PAD]", "", "x"]),
    }
    given = random.choice(
        [{"truncation": truncation}, {"padding": padding}, {"truncation": truncation, "padding": padding}]
    )
    change(folder / FILE, lambda each: each.update(given))


def _odd_value(random: Random, folder: Path) -> Any:
    def edit(entries: dict[str, Any]) -> None:
        place = entries if random.random() < 0.5 else entries["model"]
        place[random.choice(sorted(place))] = random.choice(ODD_VALUES)

    change(folder / FILE, edit)
    return Unknown


def _roles(random: Random, folder: Path) -> Any:
    wrong = random.choice([5, ["[PAD]"], True, {"content": 5}, 1.5])
    key = f"{random.choice(ROLES)}_token"
    name = random.choice([CONFIG, "special_tokens_map.json"])
    if name == CONFIG:
        change(folder / CONFIG, lambda each: each.update({key: wrong}))
    else:
        (folder / name).write_text(json.dumps({key: wrong}))
    return Refusal


def _config_odd(random: Random, folder: Path) -> Any:
    extra: list[dict[str, Any]] = [
        {"model_max_length": random.choice([10**30, -5, 0, "x", None])},
        {"added_tokens_decoder": {"0": 5}},
        {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}},
        {"tokenizer_class": random.choice([5, "EvilTokenizer", None])},
        {"chat_template": "{{ 1/0 }}"},
        {"extra_special_tokens": [1, 2]},
    ]
    change(folder / CONFIG, lambda each: each.update(random.choice(extra)))


DAMAGE: dict[str, Damage] = {
    **common((FILE, CONFIG), (FILE,)),
    "ids": _ids,
    "added tokens": _added_odd,
    "patterns without end": _pattern(_CATASTROPHES, Refusal),
    "huge patterns": _pattern(_HUGE, Refusal),
    "broken patterns": _pattern(_BROKEN_PATTERNS, Unknown),
    "published patterns": _pattern(_PUBLISHED, Unknown),
    "random patterns": _random_pattern,
    "texts that grow": _growth,
    "framing": _framing,
    "truncation and padding": _cutting,
    "the model": of_settings(FILE, _MODEL, "model"),
    "random cuts": of_settings(FILE, {"dropout": [0.1, 0.5, 1.0, 2, "x", -1]}, "model"),
    "an odd value of the model": _odd_value,
    "roles": _roles,
    "config: odd": _config_odd,
    "config: name": of_settings(CONFIG, {"name_or_path": [5, ["a"], {"a": 1}, True]}),
}
