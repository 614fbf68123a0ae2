"""Labelled corpora by name, or from a user's own files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from finkd.corpora.catalog import corpora
from finkd.corpora.corpus import NerCorpus, NerData, OpenAndSealed, SealedSplit, Splits
from finkd.corpora.errors import ConfigError, DataError, UnavailableError, UnknownNameError, quoted
from finkd.corpora.files import exists
from finkd.corpora.hub import is_hub, read_hub
from finkd.corpora.locate import finder, locate
from finkd.corpora.readers.annotation_tools import holds_labels
from finkd.corpora.readers.characters import case_variants, foreign_character, look_alikes, named
from finkd.corpora.readers.columns import read_conll, read_csv_tokens
from finkd.corpora.readers.json_files import json_lines
from finkd.corpora.readers.lines import csv_rows, stem, suffix
from finkd.corpora.readers.offsets import Offsets, offsets_named
from finkd.corpora.readers.records import read_json_spans, read_jsonl, read_parquet
from finkd.corpora.readers.standoff import is_webanno, read_brat, read_webanno
from finkd.corpora.registry import unknown
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import Scheme, entities, scheme_named

SPLIT_NAMES = {
    "train": "train",
    "dev": "validation",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}
WHOLE = "all"
logger = logging.getLogger(__name__)

Read = Callable[[Path, Scheme, Offsets], Iterator[Sentence]]
_READERS: Mapping[str, Read] = {
    ".conll": lambda path, scheme, offsets: read_conll(path, scheme),
    ".txt": lambda path, scheme, offsets: read_conll(path, scheme),
    ".csv": lambda path, scheme, offsets: read_csv_tokens(path, scheme=scheme),
    ".jsonl": read_jsonl,
    ".json": read_json_spans,
    ".parquet": read_parquet,
    ".ann": lambda path, scheme, offsets: read_brat(path, offsets),
    ".tsv": lambda path, scheme, offsets: read_webanno(path) if is_webanno(path) else read_conll(path, scheme),
}


def load(name: str | Path, scheme: str = "IOB2", offsets: str = "characters") -> NerData:
    """Load a labelled corpus.

    Args:
        name: a labelled corpus of the registry; or a file (CoNLL as ``.conll`` or ``.txt``, ``.csv``, ``.jsonl``,
            ``.json``, ``.parquet``, WebAnno's ``.tsv``, each also with ``.gz``, or brat's ``.ann``), whose sentences
            become the one split ``all``; a folder with files called train, dev (or validation, valid, val) and test; or
            a dataset of the Hugging Face hub as ``hf:OWNER/NAME`` or ``hf:OWNER/NAME:CONFIGURATION``.
        scheme: the scheme of a user's tags (IOB1, IOB2 or BIOES); the registry's corpora know theirs.
        offsets: what the offsets of a user's spans count: ``characters``, ``utf16`` units or ``bytes`` of UTF-8.

    Raises:
        UnknownNameError: if there is no such corpus, file or folder.
        DataError: if a file breaks its format.
        ConfigError: if the corpus is unlabelled text, or there is no such scheme or unit of offsets.
        UnavailableError: if a corpus file is neither here nor reachable.

    Example:
        >>> import finkd
        >>> sorted(finkd.load_corpus("sample").splits)
        ['test', 'train', 'validation']
    """
    if isinstance(name, str) and name in corpora:
        corpus = corpora.get(name)
        if not isinstance(corpus, NerCorpus):
            raise ConfigError(f"{name}: is unlabelled text; expected a labelled corpus, such as 'finer-ord'")
        sealed = {split: partial(_unsealed, name, split, each) for split, each in corpus.sealed.items()}
        return NerData(name, corpus.types, OpenAndSealed(corpus.read(finder(corpus)), sealed), corpus.roles)
    known_scheme, unit = scheme_named(scheme), offsets_named(offsets)
    check_exists(name)
    if is_hub(name):
        splits = read_hub(str(name), SPLIT_NAMES, known_scheme, unit)
    else:
        files = _split_files(Path(name)) if Path(name).is_dir() else {WHOLE: Path(name)}
        splits = {split: list(_read_file(file, known_scheme, unit)) for split, file in files.items()}
    types = {
        entity.type
        for sentences in splits.values()
        for sentence in sentences
        for entity in entities(sentence.tags or ())
    }
    if not types:
        raise DataError(f"{name}: found no entity in any split; expected labelled text (is the scheme {scheme}?)")
    _check_types(types, splits, name)
    return NerData(str(name), tuple(sorted(types)), splits)


def _unsealed(name: str, split: str, sealed: SealedSplit) -> Sequence[Sentence]:
    """Read a sealed split.

    Raises:
        UnavailableError: if its file is neither here nor to be had.
        DataError: if it is another file.
    """
    try:
        path = locate(sealed.path, sealed.source)
    except UnavailableError as error:
        raise UnavailableError(f"{name}: its {split} split is sealed and comes on its own: {error}") from error
    logger.warning("%s: %s is a sealed split: score it once, and choose nothing by its scores", name, split)
    return sealed.read(path)


def check_exists(name: str | Path) -> None:
    """Check that a name stands for a corpus of the registry, a file or a folder; nothing is read.

    Raises:
        UnknownNameError: if it does not.
    """
    is_known = isinstance(name, str) and name in corpora
    if not (is_known or is_hub(name) or exists(Path(name))):
        raise UnknownNameError(f"{unknown('corpora', str(name), corpora)}, nor a file or folder of that name")


def is_labelled(path: Path) -> bool:
    """Return whether a file holds labelled text, by suffix, header of a ``.csv`` or first telling record in ``.jsonl``.

    A ``.txt`` counts as raw text here, although :func:`load` reads it as columns.

    Raises:
        DataError: if a line of JSON lines until then, or the first row of a table, is none.
        UnavailableError: if there are JSON lines, or a table, of that name that may not be read.
    """
    kind = suffix(path)
    if kind == ".jsonl":
        told = (holds_labels(record) for _, record in json_lines(path))
        first = next(told, False)
        return next((each for each in told if each is not None), True) if first is None else first
    if kind == ".csv":
        header = next((row.keys() for _, row in csv_rows(path, (), skip_blank=True)), ())
        return "text" not in header or "word" in header
    return kind in _READERS and kind != ".txt"


def _split_files(folder: Path) -> dict[str, Path]:
    """Return the file of each split; a file that is called like a split but has no known format causes a warning."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        split = SPLIT_NAMES.get(stem(path).lower())
        if split is None or not path.is_file():
            continue
        if suffix(path) == ".txt" and path.with_suffix(".ann").is_file():
            continue  # the text of brat's annotations
        if suffix(path) not in _READERS:
            logger.warning("%s: is not read; expected one of %s", path, ", ".join(_READERS))
            continue
        if split in found:
            raise DataError(f"{path}: found a second {split} file beside {found[split].name}; expected one per split")
        found[split] = path
    if not found:
        raise DataError(f"{folder}: found no train, dev or test file of a known format ({', '.join(_READERS)})")
    return found


def _read_file(path: Path, scheme: Scheme, offsets: Offsets) -> Iterator[Sentence]:
    kind = suffix(path)
    if kind not in _READERS:
        raise DataError(f"{path}: found the suffix {kind!r}; expected one of {', '.join(_READERS)}")
    return _READERS[kind](path, scheme, offsets)


def _check_types(types: set[str], splits: Splits, path: str | Path) -> None:
    """Refuse types that look the same; tell of types that differ in case alone.

    Raises:
        DataError: if two types look the same, with the first sentence of the one with foreign letters.
    """
    alike = look_alikes(types)
    if alike:
        letter = named(foreign_character(alike[1]))
        split, sentence = next(
            (split, sentence)
            for split, sentences in splits.items()
            for sentence in sentences
            if any(entity.type == alike[1] for entity in entities(sentence.tags or ()))
        )
        raise DataError(
            f"{path}: the types {alike[0]!r} and {alike[1]!r} look the same, but the second one holds {letter}, first "
            f"in {split}: {quoted(sentence.text)}; expected one name"
        )
    variants = case_variants(types)
    if variants:
        logger.warning("%s: the types %r and %r differ in case alone; both are learned", path, *variants)
