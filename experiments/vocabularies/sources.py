"""What a corpus gives to vocabularies: text to learn from, and text that they have not seen to be measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finkd import corpora
from finkd.corpora.corpus import NerData, TextCorpus
from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.loading import SPLIT_NAMES
from finkd.corpora.readers.json_files import parse_json
from finkd.corpora.readers.lines import numbered_lines, stem
from finkd.corpora.wording import counted
from finkd.experiments.configuration.splits import scored_split
from finkd.tokenization.analysis import Text

_LABELLED_SUFFIXES = (".conll", ".csv", ".json", ".parquet")
_HELD_OUT_OF = 10


@dataclass(frozen=True)
class Labelled:
    """A labelled corpus: vocabularies learn from its train split, and its test or validation split is measured."""

    name: str
    data: NerData

    def training(self, held_out: bool) -> Iterator[str]:
        """Texts of the train split.

        Raises:
            ConfigError: if there is none.
        """
        if "train" not in self.data.splits:
            found = ", ".join(self.data.splits)
            raise ConfigError(f"{self.name}: has no train split to learn a vocabulary from (found {found})")
        return (sentence.text for sentence in self.data.splits["train"])

    def measured(self, held_out: bool) -> Text:
        """The scored split, which is never the train split and so held out whether or not it has to be."""
        split = scored_split(self.data)
        return Text(self.name, f"{split} split", self.data.splits[split])


@dataclass(frozen=True)
class Unlabelled:
    """Raw text. Where something has to be held out, it is one line in ten, chosen by its hash."""

    name: str

    def training(self, held_out: bool) -> Iterator[str]:
        """All lines but those held out."""
        return (line for line in corpora.stream(self.name) if not (held_out and _is_held_out(line)))

    def measured(self, held_out: bool) -> Text:
        """The lines held out, or else all lines."""
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
                "more text, or "
                "--tokenizer for one that is trained already"
            )


Source = Labelled | Unlabelled


def source(corpus: str) -> Source:
    """A corpus by name or path; ``.txt`` is raw text, and so is ``.jsonl`` if its records have neither tags nor spans.

    Raises:
        FinkdError: if it is labelled, and cannot be found or read.
    """
    if corpus in corpora.corpora:
        is_text = isinstance(corpora.corpora.get(corpus), TextCorpus)
    else:
        path = Path(corpus)
        is_text = not _has_splits(path) if path.is_dir() else _is_raw(path)
    return Unlabelled(corpus) if is_text else Labelled(corpus, corpora.load(corpus))


def _has_splits(folder: Path) -> bool:
    return any(stem(path).lower() in SPLIT_NAMES for path in folder.iterdir())


def _is_raw(path: Path) -> bool:
    if not path.is_file() or path.name.removesuffix(".gz").endswith(_LABELLED_SUFFIXES):
        return False
    if ".jsonl" not in path.suffixes:
        return True
    first = next(((number, line) for number, line in numbered_lines(path) if line.strip()), None)
    record = parse_json(first[1], path, first[0]) if first else None
    return not (isinstance(record, dict) and record.keys() & {"tags", "ner_tags", "spans"})


def _is_held_out(line: str) -> bool:
    digest = hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _HELD_OUT_OF == 0
