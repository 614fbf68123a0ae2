"""Unlabelled text: raw lines of a corpus, and a sample of its sentences that is the same on every machine."""

from __future__ import annotations

import functools
import hashlib
import heapq
import json
import logging
import random
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

from finkd.corpora.catalog import corpora
from finkd.corpora.corpus import Lines, TextCorpus
from finkd.corpora.errors import ConfigError, DataError, UnknownNameError
from finkd.corpora.loading import check_exists
from finkd.corpora.locate import checksum, finder
from finkd.corpora.readers.lines import stem, suffix
from finkd.corpora.registry import unknown
from finkd.corpora.segmentation import split_sentences
from finkd.corpora.sentence import Sentence
from finkd.corpora.text.streams import SUFFIXES, TEXT, format_of, text_records
from finkd.corpora.wording import counted

logger = logging.getLogger(__name__)

SAMPLING_VERSION = 1
_CHARACTERS_PER_SENTENCE = 200


def stream(name: str | Path, sources: Collection[str] | None = None) -> Iterator[str]:
    """Read the lines of an unlabelled corpus, source after source, as the corpus spells them.

    Args:
        name: a text corpus of the registry; or a ``.txt``, or a ``.jsonl`` or ``.csv`` with ``text``; or a folder of
            them.
        sources: names of the sources to read; ``None`` reads all.

    Raises:
        UnknownNameError: if there is no such corpus, file or source.
        DataError: if a file is broken.
        UnavailableError: if a file is nowhere.
    """
    for lines in _chosen(name, sources).values():
        yield from lines()


def sample_sentences(
    name: str | Path,
    count: int,
    seed: int = 0,
    sources: Mapping[str, float] | None = None,
    min_words: int = 5,
    max_words: int = 60,
    *,
    or_fewer: bool = False,
) -> Iterator[Sentence]:
    """Draw distinct sentences from the whole of an unlabelled corpus.

    Each source's lines are put in a random order (by ``seed``); sentences of the lines drawn are taken from the sources
    in proportion to their weights until there are enough, other sources standing in for one that runs dry. Only lines
    that are drawn are split into sentences, and memory grows with the text that is drawn, not with the corpus.

    Args:
        name: as for :func:`stream`.
        count: number of sentences.
        seed: another seed draws others.
        sources: source -> weight; ``None`` takes every source, weighted by its characters.
        min_words: shorter sentences are left out.
        max_words: longer ones too.
        or_fewer: whether a corpus with fewer such sentences, but at least one, gives all of them.

    Yields:
        ``count`` sentences without tags, no text twice; ``document`` is ``source:line``. A larger sample begins with a
        smaller one.

    Raises:
        DataError: if the corpus has fewer such sentences.
        ConfigError: if a weight is not positive.
        UnknownNameError: if there is no such corpus, file or source.
        UnavailableError: if a file is nowhere.
    """
    _check_weights(sources)
    chosen = _chosen(name, sources)
    weights = sources or {source: float(sum(map(len, lines()))) for source, lines in chosen.items()}
    streams = {source: _shuffled_sentences(source, lines, seed, count) for source, lines in chosen.items()}
    taken = dict.fromkeys(streams, 0)
    seen: set[bytes] = set()
    while streams and len(seen) < count:
        source = min(streams, key=lambda each: (taken[each] / weights[each], each))
        sentence = next(streams[source], None)
        if sentence is None:
            del streams[source]
        elif min_words <= len(sentence.spans) <= max_words:
            text = hashlib.blake2b(sentence.text.encode(), digest_size=12).digest()
            if text not in seen:
                seen.add(text)
                taken[source] += 1
                yield sentence
    if len(seen) < (min(1, count) if or_fewer else count):
        raise DataError(
            f"{name}: has {counted(len(seen), 'distinct sentence')} of {min_words} to {max_words} words; expected "
            f"{1 if or_fewer else count}, "
            f"{'set other limits (min_words and max_words in a configuration)' if or_fewer else 'ask for fewer'}"
        )


def fingerprint(name: str | Path, sources: Mapping[str, float] | None = None) -> str:
    """Hash of what :func:`sample_sentences` draws from: the sources' bytes and formats, their weights, the sampling.

    Raises:
        UnknownNameError: if there is no such corpus, file or source.
        ConfigError: if a weight is not positive.
        UnavailableError: if a user's file cannot be read.
    """
    _check_weights(sources)
    chosen = _chosen(name, sources)
    parts: dict[str, object] = {"version": SAMPLING_VERSION, "weights": dict(sorted((sources or {}).items()))}
    if isinstance(name, str) and name in corpora:
        published = corpora.get(name).files
        parts["files"] = {path: source.sha256 for path, source in published.items() if stem(Path(path)) in chosen}
        if not published:
            hashes = {source: hashlib.sha256() for source in chosen}
            for source, digest in hashes.items():
                for line in chosen[source]():
                    digest.update(line.encode() + b"\n")
            parts["files"] = {source: digest.hexdigest() for source, digest in hashes.items()}
    else:
        files = _user_files(Path(name))
        parts["files"] = {source: checksum(files[source]) for source in chosen}
        formats = {source: format_of(files[source]) for source in chosen}
        if others := {source: kind for source, kind in formats.items() if kind != TEXT}:
            parts["formats"] = others
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _check_weights(sources: Mapping[str, float] | None) -> None:
    if sources is not None and not sources:
        raise ConfigError("sources: names none; name at least one, or leave the key out to take all")
    for source, weight in (sources or {}).items():
        if not 0 < weight < float("inf"):
            raise ConfigError(f"sources.{source}: weight must be positive (got {weight})")


def _chosen(name: str | Path, sources: Collection[str] | None) -> dict[str, Lines]:
    """Return the lines of the sources asked for."""
    every = _all_sources(name)
    for source in sources or ():
        if source not in every:
            raise UnknownNameError(unknown(f"sources of {name}", source, list(every)))
    return {source: lines for source, lines in every.items() if sources is None or source in sources}


def _all_sources(name: str | Path) -> Mapping[str, Lines]:
    if isinstance(name, str) and name in corpora:
        corpus = corpora.get(name)
        if not isinstance(corpus, TextCorpus):
            raise ConfigError(f"{name}: is a labelled corpus; expected unlabelled text, such as 'financial-text'")
        return corpus.read(finder(corpus))
    check_exists(name)
    return {source: partial(_user_lines, file) for source, file in _user_files(Path(name)).items()}


def _user_files(path: Path) -> dict[str, Path]:
    """Return a user's files by the name of the source that each is."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    readable: dict[str, Path] = {}
    for file in files:
        if suffix(file) not in SUFFIXES:
            _warn_once(file)
            continue
        other = readable.setdefault(stem(file), file)
        if other is not file:
            raise DataError(
                f"{file}: found a second file for the source {stem(file)!r} beside {other.name}; rename one"
            )
    if not readable:
        raise DataError(f"{path}: found no {', '.join(SUFFIXES)} file; expected unlabelled text, one passage per line")
    return readable


@functools.cache  # a folder is listed whenever its text is drawn, or its address asked for
def _warn_once(path: Path) -> None:
    if not path.name.startswith("."):
        logger.warning("%s: is not read; expected one of %s", path, ", ".join(SUFFIXES))


def _user_lines(path: Path) -> Iterator[str]:
    keeps_blank = format_of(path) != TEXT  # a record is counted whatever its text
    empty = True
    for record in text_records(path):
        is_blank = not record[TEXT].strip()
        empty = empty and is_blank
        if keeps_blank or not is_blank:
            yield record[TEXT]
    if empty:
        raise DataError(f"{path}:1: found no text; expected one passage per line")


def _shuffled_sentences(source: str, lines: Lines, seed: int, count: int) -> Iterator[Sentence]:
    digest = hashlib.sha256(f"{seed}\0{source}".encode()).digest()
    start = int.from_bytes(digest[:8], "big")
    texts = _shuffled(lines, start, budget=count * _CHARACTERS_PER_SENTENCE)
    return split_sentences((text, f"{source}:{number}") for number, text in texts)


def _shuffled(lines: Lines, seed: int, budget: int) -> Iterator[tuple[int, str]]:
    """Yield all lines with their numbers in random order, holding few more characters than have been asked for.

    The order is fixed by the seed alone: a pass keeps the first lines of it that fill the budget, and if they are used
    up, another pass keeps more.
    """
    given = 0
    while True:
        first, is_whole = _first_lines(lines, seed, budget)
        yield from first[given:]
        if is_whole:
            return
        given, budget = len(first), budget * 4


def _first_lines(lines: Lines, seed: int, budget: int) -> tuple[list[tuple[int, str]], bool]:
    """Return the first lines of the seed's order that reach ``budget`` characters, and whether these are all."""
    draw = random.Random(seed)
    kept: list[tuple[float, int, str]] = []  # a heap with the last line of the order on top
    size, is_whole = 0, True
    for number, line in enumerate(lines(), start=1):
        heapq.heappush(kept, (-draw.random(), number, line))
        size += len(line)
        while size - len(kept[0][2]) >= budget:
            size -= len(heapq.heappop(kept)[2])
            is_whole = False
    return [(number, line) for _, number, line in sorted(kept, reverse=True)], is_whole
