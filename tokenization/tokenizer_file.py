"""The files of a tokenizer folder, checked before the library of tokenizers reads them.

The library takes any number for an id, writes out whatever a normalizer asks for, and ends the program on some
patterns. What is checked here is what it does not check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from finkd.corpora.errors import ConfigError, first_line
from finkd.corpora.readers.json_files import read_object, shown
from finkd.tokenization import patterns

FILE = "tokenizer.json"
MAX_BYTES = 64 * 2**20
"""Gemma 3 has 33 MB, XLM-R 17 MB."""
MAX_CONFIG_BYTES = 8 * 2**20
MAX_IDS = 2**22
MAX_WORD = 10_000
"""Characters of a word that WordPiece tokenizes; the time is quadratic."""
MAX_STEPS = 64
MAX_GROWTH = 1024
"""How many times longer a normalizer may make a text."""
MAX_SPECIALS = 16
"""Special tokens that are put around a text."""


def read_backend(folder: Path) -> Backend:
    """Read the tokenizer in a folder's ``tokenizer.json``, without truncation and padding.

    Raises:
        ConfigError: if it is too large or not valid, or asks for what finkd refuses: ids or patterns out of bounds,
            random tokens, marks at the end of words, special tokens that are not in the vocabulary.
    """
    path = folder / FILE
    try:
        entries = read_object(path, MAX_BYTES)
    except ConfigError as error:
        raise ConfigError(str(error).replace(f"{path}: ", f"{path}: not a readable tokenizer: ", 1)) from error
    _check_model(entries.get("model"), path)
    _check_added(entries.get("added_tokens"), path)
    _check_steps(entries, path)
    try:
        backend = Backend.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for every kind of damage
        raise ConfigError(f"{path}: not a readable tokenizer ({first_line(error)})") from error
    backend.no_truncation()
    backend.no_padding()  # a file may ask for texts of any length
    _check_ids(entries, backend, path)
    try:
        backend.encode_batch(["", "Acme Corp. paid €3.", "\N{SNOWMAN}"])  # so that the message names the file
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise ConfigError(f"{path}: cannot tokenize texts ({first_line(error)})") from error
    return backend


def is_panic(error: BaseException) -> bool:
    """Return whether the library panicked; its error derives from ``BaseException`` and has no name to import."""
    return type(error).__name__ == "PanicException"


def _check_model(model: Any, path: Path) -> None:
    if not isinstance(model, dict):
        raise ConfigError(f"{path}: not a readable tokenizer: model: found {shown(model)}; expected a JSON object")
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, dict):
        _check_vocabulary(vocabulary, path)
    elif not isinstance(vocabulary, list) or len(vocabulary) > MAX_IDS:
        raise ConfigError(
            f"{path}: not a readable tokenizer: model.vocab: found {shown(vocabulary)}; expected up to {MAX_IDS} tokens"
        )
    if not vocabulary:
        raise ConfigError(f"{path}: model.vocab: found no tokens")
    if model.get("dropout"):
        raise ConfigError(
            f"{path}: model.dropout: found {shown(model['dropout'])}, which gives a text other tokens each time; "
            "expected null"
        )
    if model.get("end_of_word_suffix"):
        raise ConfigError(
            f"{path}: model.end_of_word_suffix: found {shown(model['end_of_word_suffix'])}; expected null (finkd reads "
            "vocabularies that mark where words begin or go on, not where they end)"
        )
    longest = model.get("max_input_chars_per_word", 0)
    if type(longest) is not int or not 0 <= longest <= MAX_WORD:
        raise ConfigError(
            f"{path}: model.max_input_chars_per_word: found {shown(longest)}; expected a whole number up to {MAX_WORD}"
        )


def _check_vocabulary(vocabulary: Mapping[str, Any], path: Path) -> None:
    """Check that each token has an id of its own."""
    seen: dict[int, str] = {}
    for token, index in vocabulary.items():
        if type(index) is not int or not 0 <= index < MAX_IDS:
            raise ConfigError(
                f"{path}: model.vocab: {shown(token)} has id {shown(index)}; expected an integer from 0 to "
                f"{MAX_IDS - 1}"
            )
        if index in seen:
            raise ConfigError(f"{path}: model.vocab: {shown(seen[index])} and {shown(token)} have one id, {index}")
        seen[index] = token


def _check_added(added: Any, path: Path) -> None:
    for each in added if isinstance(added, list) else []:
        index = each.get("id") if isinstance(each, dict) else None
        if type(index) is not int or not 0 <= index < MAX_IDS or not each.get("content"):
            raise ConfigError(
                f"{path}: added_tokens: found {shown(each)}; expected a content and an id from 0 to {MAX_IDS - 1}"
            )


def _check_steps(entries: Mapping[str, Any], path: Path) -> None:
    """Check that patterns take bounded time, and that texts do not grow without bounds."""
    for key in ("normalizer", "pre_tokenizer", "decoder"):
        steps = list(_steps(entries.get(key)))
        if len(steps) > MAX_STEPS:
            raise ConfigError(f"{path}: {key}: found {len(steps)} steps; expected {MAX_STEPS} at most")
        growth = 1
        for step in steps:
            pattern = step.get("pattern")
            if isinstance(pattern, dict) and isinstance(pattern.get("Regex"), str):
                why = patterns.problem(pattern["Regex"])
                if why:
                    raise ConfigError(f"{path}: {key}: the pattern {shown(pattern['Regex'])} {why}")
            growth *= _growth(step)
        if growth > MAX_GROWTH and key == "normalizer":
            raise ConfigError(f"{path}: {key}: makes a text {growth:,} times longer; expected {MAX_GROWTH} at most")


def _growth(step: Mapping[str, Any]) -> int:
    """Return how many times longer a replacement may make a text."""
    content, pattern = step.get("content"), step.get("pattern")
    replaced = pattern.get("String") if isinstance(pattern, dict) else None
    if not isinstance(content, str):
        return 1
    return max(1, -(-len(content) // max(1, len(replaced) if isinstance(replaced, str) else 1)))


def _steps(entry: Any) -> Iterator[dict[str, Any]]:
    """Yield a step, or those of a sequence of them."""
    if isinstance(entry, dict):
        yield entry
        for name in ("normalizers", "pretokenizers", "decoders"):
            steps = entry.get(name)
            for each in steps if isinstance(steps, list) else []:
                yield from _steps(each)


def _check_ids(entries: Mapping[str, Any], backend: Backend, path: Path) -> None:
    """Check that tokens have the ids that the file gives them, which the library gives them anew."""
    for each in entries.get("added_tokens") or []:
        found = backend.token_to_id(each["content"])
        if found != each["id"]:
            raise ConfigError(
                f"{path}: added_tokens: {shown(each['content'])} has id {each['id']}, but would be read as {found}; "
                "expected the id that the vocabulary gives it, or the next free one"
            )
    around = list(_around(entries.get("post_processor"), path))
    if len(around) > MAX_SPECIALS:
        raise ConfigError(
            f"{path}: post_processor: puts {len(around)} tokens around a text; expected {MAX_SPECIALS} at most"
        )
    for token, index in around:
        found = backend.token_to_id(token) if isinstance(token, str) else None
        if found is None or found != index:
            raise ConfigError(
                f"{path}: post_processor: {shown(token)} has id {shown(index)}; the vocabulary has {shown(found)}"
            )


def _around(entry: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    """Special tokens that a post-processor puts around one text, with their ids."""
    if not isinstance(entry, dict):
        return
    for each in entry.get("processors") or []:
        yield from _around(each, path)
    for role in ("cls", "sep"):
        if isinstance(entry.get(role), list):
            yield tuple(entry[role])
    known = entry.get("special_tokens")
    single = entry.get("single")
    if isinstance(known, dict) and isinstance(single, list):
        texts = [each for each in single if isinstance(each, dict) and "Sequence" in each]
        if len(texts) != 1:
            raise ConfigError(f"{path}: post_processor.single: holds the text {len(texts)} times; expected once")
        for each in single:
            if "SpecialToken" in each:
                token = known.get(each["SpecialToken"]["id"], {})
                yield from zip(token.get("tokens", []), token.get("ids", []), strict=False)


def read_declared(folder: Path) -> dict[str, Any]:
    """Read what ``special_tokens_map.json`` and ``tokenizer_config.json`` of a folder declare, merged.

    Raises:
        ConfigError: if one of them is too large or not valid, or a special token is no text.
    """
    declared: dict[str, Any] = {}
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        path = folder / file
        if not path.is_file():
            continue
        found = read_object(path, MAX_CONFIG_BYTES, large=("model_max_length",))
        for key, value in found.items():
            token = value.get("content") if isinstance(value, dict) else value
            is_token = key.endswith("_token") and not key.startswith(("add_", "use_"))
            if is_token and value is not None and not isinstance(token, str):
                raise ConfigError(f"{path}: {key}: found {shown(value)}; expected a token")
        if not isinstance(found.get("name_or_path") or "", str):
            raise ConfigError(f"{path}: name_or_path: found {shown(found['name_or_path'])}; expected a name")
        declared.update(found)
    return declared


def max_length(folder: Path, least: int) -> int:
    """Return the ``model_max_length`` of a folder's ``tokenizer_config.json``.

    Raises:
        ConfigError: if it is missing or smaller.
    """
    found = read_declared(folder).get("model_max_length")
    if type(found) is not int or found < least:
        raise ConfigError(
            f"{folder / 'tokenizer_config.json'}: model_max_length: found {json.dumps(found)}; expected a whole number "
            f"from {least} on"
        )
    return found
