"""What a domain vocabulary would change: the tokenizer-shift analysis, from names to figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

import corpora
from corpora.corpus import NerData, TextCorpus
from corpora.errors import ConfigError, DataError
from experiments.splits import scored_split
from finkd import teachers
from tokenization import vocabulary
from tokenization.analysis import Shift, analyze
from tokenization.tokenizer import Tokenizer

_LABELLED_SUFFIXES = (".conll", ".csv", ".json", ".parquet")


@dataclass(frozen=True)
class Comparison:
    """A tokenizer against a teacher's, on text that it was not trained on.

    Attributes:
        teacher: name of the teacher.
        corpus: the labelled corpus.
        split: the split that was measured.
        parameters: weights of the teacher.
        shift: the figures.
    """

    teacher: str
    corpus: str
    split: str
    parameters: int
    shift: Shift

    def embedding_shares(self) -> tuple[float, float]:
        """Share of the weights that are embeddings: in the teacher, and in the teacher under the other vocabulary."""
        old, new = self.shift.teacher.embedding_parameters, self.shift.student.embedding_parameters
        return old / self.parameters, new / (self.parameters - old + new)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        shares = dict(zip(("teacher", "student"), self.embedding_shares(), strict=True))
        return {**dataclasses.asdict(self), "embedding_shares": shares}


def compare(
    teacher: str,
    corpus: str,
    *,
    algorithm: str = "wordpiece",
    size: int = 8000,
    lowercase: bool = True,
    tokenizer: str | None = None,
) -> Comparison:
    """Measure a vocabulary against a teacher's on the held-out split of a labelled corpus.

    Args:
        teacher: folder or name of the teacher.
        corpus: a labelled corpus, by name or path; its train split alone is what the vocabulary learns from.
        algorithm: of the vocabulary.
        size: its entries.
        lowercase: whether it drops case.
        tokenizer: a tokenizer folder to measure instead of training one.

    Raises:
        FinkdError: if anything named cannot be found or used.
    """
    folder = teachers.resolve(teacher)
    data = corpora.load(corpus)
    split = scored_split(data)
    if tokenizer is not None:
        student = named_tokenizer(tokenizer)
    else:
        student = vocabulary.train(_training_texts(data), algorithm, size, lowercase=lowercase)
    parameters, width = weights(folder)
    shift = analyze(data.splits[split], student, Tokenizer.load(folder), width)
    return Comparison(teacher, corpus, split, parameters, shift)


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


def _training_texts(data: NerData) -> Iterator[str]:
    if "train" not in data.splits:
        raise ConfigError(
            f"{data.name}: has no train split to learn a vocabulary from (found {', '.join(data.splits)})"
        )
    return (sentence.text for sentence in data.splits["train"])


def _is_labelled(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith(_LABELLED_SUFFIXES)
