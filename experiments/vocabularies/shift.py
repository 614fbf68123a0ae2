"""What a domain vocabulary would change: the tokenizer-shift analysis, from names to figures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from finkd.corpora.errors import ConfigError, UnavailableError
from finkd.experiments.vocabularies.sources import Source, source
from finkd.models import pretrained
from finkd.models.lookup import TOKENIZER, models_below, not_a_model
from finkd.models.shape import read_shape
from finkd.tokenization import vocabulary
from finkd.tokenization.analysis import Analysis, Candidate, measure
from finkd.tokenization.tokenizer import Tokenizer

log = logging.getLogger(__name__)

DEFAULT_ALGORITHM, DEFAULT_SIZE = "wordpiece", 8000


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
        limit: longest sequence in tokens; ``None`` takes the teacher's.
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
            raise ConfigError(f"limit: expected a number of tokens (got {self.limit})")

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
    folder = pretrained.resolve(plan.teacher)
    shape = read_shape(folder)
    sources = [source(corpus) for corpus in plan.corpora]
    candidates = [
        Candidate(Tokenizer.load(folder), "reference", name=_short(plan.teacher)),
        *(Candidate(named_tokenizer(name), name=_short(name)) for name in plan.tokenizers),
        *_sweep(sources[0], plan),
    ]
    texts = [each.measured(held_out=not index and bool(plan.trained)) for index, each in enumerate(sources)]
    return measure(texts, candidates, width=shape.width, encoder=shape, limit=plan.limit or shape.positions)


def named_tokenizer(name: str) -> Tokenizer:
    """The tokenizer in a folder, or that of a teacher.

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
            f"(make one with 'finkd vocab --corpus sample-text --size 2000 --out {name}')"
        ) from error


def _sweep(learned: Source, plan: Plan) -> list[Candidate]:
    """The vocabularies to train, without those of an algorithm that the text was too small to tell apart."""
    found: dict[tuple[str, int], Candidate] = {}
    for algorithm, size in plan.trained:
        candidate = _trained(learned, algorithm, size, plan.lowercase)
        reached = len(candidate.tokenizer)
        if (algorithm, reached) in found:
            log.warning("%s: the text gives no more than %d entries; %d are left out", algorithm, reached, size)
        found.setdefault((algorithm, reached), candidate)
    return list(found.values())


def _trained(learned: Source, algorithm: str, size: int, lowercase: bool) -> Candidate:
    texts = learned.training(held_out=True)
    return Candidate(vocabulary.train(texts, algorithm, size, lowercase=lowercase), "trained", algorithm)


def _short(name: str) -> str:
    """What reports call a tokenizer: the last part of a folder's path, or a teacher's name."""
    return Path(name).resolve().name if Path(name).is_dir() else name
