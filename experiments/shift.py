"""What a domain vocabulary would change: the tokenizer-shift analysis, from names to figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

import corpora
from corpora.corpus import NerData, TextCorpus
from corpora.errors import ConfigError, DataError
from corpora.lines import numbered_lines, parse_json, read_json, stem
from corpora.loading import SPLIT_NAMES
from experiments.splits import scored_split
from finkd import teachers
from tokenization import vocabulary
from tokenization.analysis import Analysis, Candidate, Encoder, Text, measure
from tokenization.tokenizer import Tokenizer

DEFAULT_ALGORITHM, DEFAULT_SIZE = "wordpiece", 8000
_LABELLED_SUFFIXES = (".conll", ".csv", ".json", ".parquet")
_HELD_OUT_OF = 10


@dataclass(frozen=True)
class Plan:
    """What to compare with a teacher's tokenizer, and on which texts.

    Attributes:
        teacher: folder or name of the teacher.
        corpora: labelled or unlabelled corpora, by name or path. A trained vocabulary learns from the first one.
        tokenizers: folders or teachers whose tokenizers are measured as they are.
        algorithms: of the vocabularies to train.
        sizes: their entries; every algorithm is trained in every size.
        lowercase: whether they drop case.
        limit: longest sequence in pieces; ``None`` takes the teacher's.
    """

    teacher: str
    corpora: tuple[str, ...]
    tokenizers: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    lowercase: bool = True
    limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be measured.

        Raises:
            ConfigError: if nothing or the same thing twice is named, or the limit is no length.
        """
        if not self.corpora:
            raise ConfigError("corpora: names none; expected at least one")
        for key in ("corpora", "tokenizers", "algorithms", "sizes"):
            named = getattr(self, key)
            twice = next((name for name in named if named.count(name) > 1), None)
            if twice is not None:
                raise ConfigError(f"{key}: {twice!r} is named twice; name it once")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit: expected a number of pieces (got {self.limit})")

    @property
    def trained(self) -> tuple[tuple[str, int], ...]:
        """Algorithm and size of each vocabulary to train: one of a usual size if nothing at all is named."""
        if not (self.algorithms or self.sizes or not self.tokenizers):
            return ()
        algorithms, sizes = self.algorithms or (DEFAULT_ALGORITHM,), self.sizes or (DEFAULT_SIZE,)
        return tuple((algorithm, size) for algorithm in algorithms for size in sizes)


def compare(plan: Plan) -> Analysis:
    """Measure vocabularies against a teacher's, on text that those trained here have not seen.

    Raises:
        FinkdError: if anything named cannot be found or used.
    """
    folder = teachers.resolve(plan.teacher)
    shape = encoder(folder)
    sources = [_source(corpus) for corpus in plan.corpora]
    candidates = [
        Candidate(Tokenizer.load(folder), "reference", name=_short(plan.teacher)),
        *(Candidate(named_tokenizer(name), name=_short(name)) for name in plan.tokenizers),
        *(_trained(sources[0], algorithm, size, plan.lowercase) for algorithm, size in plan.trained),
    ]
    texts = [source.measured(held_out=not index and bool(plan.trained)) for index, source in enumerate(sources)]
    return measure(texts, candidates, width=shape.width, encoder=shape, limit=plan.limit or shape.positions)


def training_texts(corpus: str) -> Iterator[str]:
    """What a vocabulary may learn from a corpus: all of an unlabelled one, the train split of a labelled one.

    Args:
        corpus: its name, or a path. A ``.txt`` or ``.jsonl`` file is read as unlabelled text, as is a folder without a
            train file.

    Raises:
        FinkdError: if it cannot be found or read, or has no train split.
    """
    if corpus in corpora.corpora:
        is_text = isinstance(corpora.corpora.get(corpus), TextCorpus)
    else:
        path = Path(corpus)
        is_text = not (any(path.glob("train.*")) if path.is_dir() else _is_labelled(path))
    return corpora.stream(corpus) if is_text else _training_texts(corpora.load(corpus))


def named_tokenizer(name: str) -> Tokenizer:
    """The tokenizer in a folder, or that of a teacher.

    Raises:
        ConfigError: if the folder holds no fast tokenizer.
        UnavailableError: if there is neither a folder nor a teacher of this name.
    """
    return Tokenizer.load(name if Path(name).is_dir() else teachers.resolve(name))


def encoder(folder: Path) -> Encoder:
    """Shape of a saved encoder, read from its configuration and the heads of its weight files alone.

    Raises:
        ConfigError: if the configuration does not tell the shape, or there are no word embeddings.
        DataError: if a file is damaged.
    """
    path = folder / "config.json"
    config = read_json(path)
    parameters, width = weights(folder)
    positions = _whole(config, path, "max_position_embeddings")
    if "roberta" in str(config.get("model_type")):
        positions -= _whole({"pad_token_id": 1, **config}, path, "pad_token_id") + 1  # numbered from behind it on
    return Encoder(
        parameters=parameters,
        width=width,
        layers=_whole(config, path, "num_hidden_layers", "n_layers"),  # DistilBERT has names of its own
        intermediate=_whole(config, path, "intermediate_size", "hidden_dim"),
        positions=positions,
    )


def weights(folder: Path) -> tuple[int, int]:
    """Parameters of a saved model and the width of its token embeddings, read from the heads of its files alone.

    Raises:
        ConfigError: if there are no safetensors files, or no word embeddings in them.
        DataError: if one is damaged.
    """
    total = width = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "numpy") as file:
                shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise DataError(f"{path}: not a readable safetensors file ({error})") from error
        for name, shape in shapes.items():
            count = 1
            for length in shape:
                count *= length
            total += 0 if name.endswith("position_ids") else count
            width = shape[1] if name.endswith("word_embeddings.weight") else width
    if not width:
        raise ConfigError(
            f"{folder}: found no word embeddings in its *.safetensors files; expected an encoder's weights"
        )
    return total, width


@dataclass(frozen=True)
class _Labelled:
    """A labelled corpus: vocabularies learn from its train split, and its test or validation split is measured."""

    name: str
    data: NerData

    def training(self) -> Iterator[str]:
        return _training_texts(self.data)

    def measured(self, held_out: bool) -> Text:
        split = scored_split(self.data)  # never the train split, so it is held out whether or not it has to be
        return Text(self.name, f"{split} split", self.data.splits[split])


@dataclass(frozen=True)
class _Unlabelled:
    """Raw text. Where a vocabulary is trained on it, one line in ten is kept for measuring, chosen by its hash."""

    name: str

    def training(self) -> Iterator[str]:
        return (line for line in corpora.stream(self.name) if not _is_held_out(line))

    def measured(self, held_out: bool) -> Text:
        if not held_out:
            return Text(self.name, "all lines", corpora.stream(self.name))
        part = f"one line in {_HELD_OUT_OF}, held out of the vocabulary's training by its hash"
        return Text(self.name, part, self._held_out())

    def _held_out(self) -> Iterator[str]:
        count = kept = 0
        for line in corpora.stream(self.name):
            count += 1
            if _is_held_out(line):
                kept += 1
                yield line
        if not kept:
            raise DataError(
                f"{self.name}: found {count} lines, of which the hash holds none out for measuring; give more text, or "
                "--tokenizer for one that is trained already"
            )


def _trained(source: _Labelled | _Unlabelled, algorithm: str, size: int, lowercase: bool) -> Candidate:
    return Candidate(vocabulary.train(source.training(), algorithm, size, lowercase=lowercase), "trained", algorithm)


def _source(corpus: str) -> _Labelled | _Unlabelled:
    if corpus in corpora.corpora:
        is_text = isinstance(corpora.corpora.get(corpus), TextCorpus)
    else:
        path = Path(corpus)
        is_text = not _has_splits(path) if path.is_dir() else _is_raw(path)
    return _Unlabelled(corpus) if is_text else _Labelled(corpus, corpora.load(corpus))


def _has_splits(folder: Path) -> bool:
    return any(stem(path).lower() in SPLIT_NAMES for path in folder.iterdir())


def _is_raw(path: Path) -> bool:
    """Whether a file is unlabelled text: ``.txt`` is, and ``.jsonl`` if its first record has neither tags nor spans."""
    if not path.is_file() or _is_labelled(path):
        return False
    if ".jsonl" not in path.suffixes:
        return True
    first = next(((number, line) for number, line in numbered_lines(path) if line.strip()), None)
    record = parse_json(first[1], path, first[0]) if first else None
    return not (isinstance(record, dict) and record.keys() & {"tags", "spans"})


def _is_held_out(line: str) -> bool:
    digest = hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _HELD_OUT_OF == 0


def _training_texts(data: NerData) -> Iterator[str]:
    if "train" not in data.splits:
        raise ConfigError(
            f"{data.name}: has no train split to learn a vocabulary from (found {', '.join(data.splits)})"
        )
    return (sentence.text for sentence in data.splits["train"])


def _is_labelled(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith(_LABELLED_SUFFIXES)


def _short(name: str) -> str:
    """What reports call a tokenizer: the last part of a folder's path, or a teacher's name."""
    return Path(name).resolve().name if Path(name).is_dir() else name


def _whole(config: Any, path: Path, *keys: str) -> int:
    """The first of some keys that a model's configuration holds."""
    found = next((config[key] for key in keys if key in config), None) if isinstance(config, dict) else None
    if not isinstance(found, int) or isinstance(found, bool):
        raise ConfigError(f"{path}: {' or '.join(keys)}: found {json.dumps(found)[:40]}; expected a whole number")
    return found
