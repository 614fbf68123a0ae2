"""Compare vocabularies with a teacher's: the tokenizer-shift analysis from names to figures, and its texts."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finkd import corpora
from finkd.corpora.corpus import NerData, TextCorpus
from finkd.corpora.errors import ConfigError, DataError, UnavailableError
from finkd.corpora.loading import SPLIT_NAMES, is_labelled
from finkd.corpora.readers.lines import stem
from finkd.corpora.wording import counted
from finkd.experiments.configuration.splits import scored_split, with_train
from finkd.models import pretrained
from finkd.models.lookup import TOKENIZER, models_below, not_a_model
from finkd.models.shape import read_shape
from finkd.tokenization import vocabulary
from finkd.tokenization.analysis import Analysis, Candidate, Text, measure
from finkd.tokenization.tokenizer import Tokenizer

log = logging.getLogger(__name__)

DEFAULT_ALGORITHM, DEFAULT_SIZE = "wordpiece", 8000
_HELD_OUT_OF = 10


@dataclass(frozen=True)
class AnalysisPlan:
    """Tokenizers to compare with a teacher's, and the texts to compare them on.

    Attributes:
        teacher: folder or name of the teacher.
        corpora: labelled or unlabelled corpora, by name or path. Vocabularies are trained on the first one.
        tokenizers: folders or teachers whose tokenizers are measured as they are.
        algorithms: of the vocabularies to train.
        sizes: their entries; every algorithm is trained in every size.
        lowercase: whether they drop case.
        limit: maximum sequence length in tokens; ``None`` takes the teacher's.

    Raises:
        ConfigError: if no corpus or the same thing twice is named, or the limit is no length.

    Example:
        >>> import finkd
        >>> finkd.AnalysisPlan("encoder", ("sample",), sizes=(500, 1000)).trained
        (('wordpiece', 500), ('wordpiece', 1000))
    """

    teacher: str
    corpora: tuple[str, ...]
    tokenizers: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    lowercase: bool = True
    limit: int | None = None

    def __post_init__(self) -> None:
        if not self.corpora:
            raise ConfigError("corpora: names none; expected at least one")
        for key in ("corpora", "tokenizers", "algorithms", "sizes"):
            named = getattr(self, key)
            twice = next((name for name in named if named.count(name) > 1), None)
            if twice is not None:
                raise ConfigError(f"{key}: {twice!r} is named twice; name it once")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit: expected a number of tokens (got {self.limit})")

    @property
    def trained(self) -> tuple[tuple[str, int], ...]:
        """Algorithm and size of each vocabulary to train: one of the default size if nothing at all is named."""
        if not (self.algorithms or self.sizes or not self.tokenizers):
            return ()
        algorithms, sizes = self.algorithms or (DEFAULT_ALGORITHM,), self.sizes or (DEFAULT_SIZE,)
        return tuple((algorithm, size) for algorithm in algorithms for size in sizes)


def analyze(plan: AnalysisPlan) -> Analysis:
    """Measure vocabularies against a teacher's, on text that those trained here have not seen.

    Raises:
        FinkdError: if anything named cannot be found or used.

    Example:
        >>> import finkd
        >>> analysis = finkd.analyze(finkd.AnalysisPlan("encoder", ("sample",), ("tokenizer",)))
        >>> len(analysis.vocabularies)
        2
    """
    folder = pretrained.resolve(plan.teacher)
    shape = read_shape(folder)
    sources = [source(corpus) for corpus in plan.corpora]
    candidates = [
        Candidate(Tokenizer.load(folder), "reference", name=_short(plan.teacher)),
        *(Candidate(named_tokenizer(name), name=_short(name)) for name in plan.tokenizers),
        *_sweep(sources[0], plan),
    ]
    texts = [each.measured(held_out=not index and bool(plan.trained)) for index, each in enumerate(sources)]
    return measure(texts, candidates, width=shape.rank, encoder=shape, limit=plan.limit or shape.positions)


def named_tokenizer(name: str) -> Tokenizer:
    """Load the tokenizer in a folder, or that of a teacher.

    Raises:
        ConfigError: if the folder holds no fast tokenizer.
        UnavailableError: if there is neither a folder nor a teacher of this name, or models lie below the folder.
    """
    folder = Path(name)
    if folder.is_dir():
        if not (folder / TOKENIZER).is_file() and any(models_below(folder)):
            raise not_a_model(name, folder)
        return Tokenizer.load(folder)
    try:
        return Tokenizer.load(pretrained.resolve(name))
    except UnavailableError as error:
        if name in pretrained.KNOWN:
            raise
        raise UnavailableError(
            f"tokenizer {name!r}: there is neither a folder nor a teacher of this name here "
            f"(make one with 'finkd vocab --corpus sample-text --vocab-size 2000 --out {name}')"
        ) from error


def _sweep(first: Source, plan: AnalysisPlan) -> list[Candidate]:
    """Train the vocabularies of a plan; sizes that the text is too small to fill are measured once."""
    found: dict[tuple[str, int], Candidate] = {}
    counts = vocabulary.count_words(first.training(held_out=True) if plan.trained else ())
    for algorithm, size in plan.trained:
        trained = vocabulary.train(counts, algorithm, size, lowercase=plan.lowercase)
        if (algorithm, len(trained)) in found:
            log.warning("%s: the text gives no more than %d entries; %d are left out", algorithm, len(trained), size)
        found.setdefault((algorithm, len(trained)), Candidate(trained, "trained", algorithm))
    return list(found.values())


def _short(name: str) -> str:
    """Return what reports call a tokenizer: the last part of a folder's path, or a teacher's name."""
    return Path(name).resolve().name if Path(name).is_dir() else name


@dataclass(frozen=True)
class Labelled:
    """A labelled corpus: vocabularies are trained on its train split, and its test or validation split is measured."""

    name: str
    data: NerData

    def training(self, held_out: bool) -> Iterator[str]:
        """Return the texts of the train split.

        Raises:
            ConfigError: if there is none.
        """
        splits = with_train(self.data).splits
        if "train" not in splits:
            found = ", ".join(splits)
            raise ConfigError(f"{self.name}: has no train split to learn a vocabulary from (found {found})")
        return (sentence.text for sentence in splits["train"])

    def measured(self, held_out: bool) -> Text:
        """Return the scored split; of a single file the part that is not learned from, or all if none is."""
        data = with_train(self.data) if held_out else self.data
        split = scored_split(data)
        return Text(self.name, f"{split} split", data.splits[split])


@dataclass(frozen=True)
class Unlabelled:
    """Raw text, of which one line in ten, chosen by its hash, is held out if lines have to be."""

    name: str

    def training(self, held_out: bool) -> Iterator[str]:
        """Return all lines but those held out."""
        return (line for line in corpora.stream(self.name) if not (held_out and _is_held_out(line)))

    def measured(self, held_out: bool) -> Text:
        """Return the lines held out, or else all lines."""
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
                f"{self.name}: found {counted(count, 'line')}, of which the hash holds none out for measuring; give "
                "more text, or --tokenizer for one that is trained already"
            )


Source = Labelled | Unlabelled


def source(corpus: str) -> Source:
    """Find a corpus by name or path; ``.txt`` is raw text, and so are ``.jsonl`` and ``.csv`` without labels.

    Raises:
        FinkdError: if it is labelled, and cannot be found or read.
    """
    path = Path(corpus)
    if corpus in corpora.corpora:
        is_text = isinstance(corpora.corpora.get(corpus), TextCorpus)
    elif path.is_dir():
        is_text = not any(stem(file).lower() in SPLIT_NAMES for file in path.iterdir())
    else:
        is_text = path.is_file() and not is_labelled(path)
    return Unlabelled(corpus) if is_text else Labelled(corpus, corpora.load(corpus))


def _is_held_out(line: str) -> bool:
    digest = hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _HELD_OUT_OF == 0
