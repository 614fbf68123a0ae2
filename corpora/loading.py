"""Labelled corpora by name, or from a user's own files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from corpora.catalog import corpora
from corpora.columns import read_conll, read_csv_tokens
from corpora.corpus import NerCorpus, NerData, Splits
from corpora.errors import ConfigError, DataError, UnknownNameError
from corpora.lines import stem
from corpora.locate import finder
from corpora.records import read_json_spans, read_jsonl, read_parquet
from corpora.registry import unknown
from corpora.sentence import Sentence
from corpora.tags import Scheme, entities, scheme_named

SPLIT_NAMES = {
    "train": "train",
    "dev": "validation",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}
WHOLE = "all"
_READERS: Mapping[str, Callable[[Path, Scheme], Iterator[Sentence]]] = {
    ".conll": read_conll,
    ".txt": read_conll,
    ".csv": lambda path, scheme: read_csv_tokens(path, scheme=scheme),
    ".jsonl": read_jsonl,
    ".json": read_json_spans,
    ".parquet": read_parquet,
}


def load(name: str | Path, scheme: str = "IOB2") -> NerData:
    """Load a labelled corpus.

    Args:
        name: a labelled corpus of the registry; or a file (CoNLL as ``.conll`` or ``.txt``, ``.csv``, ``.jsonl``,
            ``.json``, ``.parquet``, each also with ``.gz``), whose sentences become the one split ``all``; or a folder
            with files called train, dev (or validation, valid, val) and test.
        scheme: the scheme of a user's tags (IOB1, IOB2 or BIOES); the registry's corpora know theirs.

    Raises:
        UnknownNameError: if there is no such corpus, file or folder.
        DataError: if a file breaks its format.
        ConfigError: if the corpus is unlabelled text, or there is no such scheme.
        UnavailableError: if a corpus file is neither here nor reachable.
    """
    if isinstance(name, str) and name in corpora:
        return _load_named(name)
    path, known_scheme = Path(name), scheme_named(scheme)
    if path.is_dir():
        splits = _read_folder(path, known_scheme)
    elif path.is_file():
        splits = {WHOLE: list(_read_file(path, known_scheme))}
    else:
        raise UnknownNameError(f"{unknown('corpora', str(name), corpora)}, nor a file or folder of that name")
    types = _types(splits)
    if not types:
        raise DataError(f"{path}: found no entity in any split; expected labelled text (is the scheme {scheme}?)")
    return NerData(str(name), tuple(sorted(types)), splits)


def _load_named(name: str) -> NerData:
    corpus = corpora.get(name)
    if not isinstance(corpus, NerCorpus):
        raise ConfigError(f"{name}: is unlabelled text; expected a labelled corpus, such as 'finer-ord'")
    splits = corpus.read(finder(corpus))
    return NerData(name, corpus.types, splits, corpus.roles)


def _read_folder(folder: Path, scheme: Scheme) -> Splits:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        split = SPLIT_NAMES.get(stem(path).lower())
        if split is None or _suffix(path) not in _READERS:
            continue
        if split in found:
            raise DataError(f"{path}: found a second {split} file beside {found[split].name}; expected one per split")
        found[split] = path
    if not found:
        raise DataError(f"{folder}: found no train, dev or test file of a known format ({', '.join(_READERS)})")
    return {split: list(_read_file(path, scheme)) for split, path in found.items()}


def _read_file(path: Path, scheme: Scheme) -> Iterator[Sentence]:
    suffix = _suffix(path)
    if suffix not in _READERS:
        raise DataError(f"{path}: found the suffix {suffix!r}; expected one of {', '.join(_READERS)}")
    return _READERS[suffix](path, scheme)


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _types(splits: Splits) -> set[str]:
    return {
        entity.type
        for sentences in splits.values()
        for sentence in sentences
        for entity in entities(sentence.tags or ())
    }
