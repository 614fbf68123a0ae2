"""Questions about a paragraph, in SQuAD's formats v1.1 and v2 (Rajpurkar et al. 2016, 2018)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finkd.corpora.corpus import Source
from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.locate import locate
from finkd.corpora.readers.json_files import read_json
from finkd.corpora.tasks.task import SplitData

_XQUAD = "squad/xquad.en.json.gz"
_XQUAD_SOURCE = Source("5d48a9af186bf7398f36304c0528fba87e0f52c5c7d7975755ece7c43516f298")
_HELD_OUT = 0.2


@dataclass(frozen=True)
class Question:
    """A question with the answers that count as right.

    Attributes:
        id: its id.
        text: the question.
        context: the paragraph.
        answers: text and first character in the context of each answer; none if the paragraph holds no answer.
        article: title of the article that the paragraph is from.
    """

    id: str
    text: str
    context: str
    answers: tuple[tuple[str, int], ...]
    article: str = ""


class QuestionData(SplitData[Question]):
    """A set of questions in memory: ``train`` and ``validation``."""

    @property
    def has_unanswerable(self) -> bool:
        """Whether some paragraphs hold no answer, as in version 2."""
        return any(not question.answers for split in self.splits.values() for question in split)


def read_squad(path: Path) -> list[Question]:
    """Read the questions of a JSON file in either of SQuAD's versions.

    Raises:
        DataError: if it is no such file, or an answer does not stand where it should.
    """
    try:
        articles = read_json(path)["data"]
        found = [question for number, article in enumerate(articles) for question in _article(path, number, article)]
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not in SQuAD's format ({type(error).__name__}: {error})") from error
    if not found:
        raise DataError(f"{path}: holds no question")
    return found


def _article(path: Path, number: int, article: Mapping[str, Any]) -> Iterator[Question]:
    title = article.get("title")
    title = f"article {number}" if title in (None, "") else str(title)
    for paragraph in article["paragraphs"]:
        for asked in paragraph["qas"]:
            answers = [] if asked.get("is_impossible") else asked["answers"]
            spans = tuple(dict.fromkeys((str(each["text"]), int(each["answer_start"])) for each in answers))
            for text, start in spans:
                if paragraph["context"][start : start + len(text)] != text:
                    raise DataError(f"{path}: question {asked['id']}: answer {text!r} does not stand at {start}")
            yield Question(str(asked["id"]), asked["question"].strip(), paragraph["context"], spans, title)


def load_questions(folder: str | None = None) -> QuestionData:
    """Load SQuAD from a folder, or else XQuAD's English part, a fifth of whose articles is held out.

    Args:
        folder: holds ``train*.json`` and ``dev*.json`` in SQuAD's format, each perhaps gzipped.

    Raises:
        ConfigError: if the folder lacks one of them.
        DataError: if a file breaks the format.
        UnavailableError: if XQuAD is not here.
    """
    if folder is not None:
        return QuestionData(
            Path(folder).name, {split: read_squad(_only(Path(folder), split)) for split in ("train", "validation")}
        )
    questions = read_squad(locate(_XQUAD, _XQUAD_SOURCE))
    order = sorted(
        {question.article for question in questions}, key=lambda name: hashlib.sha256(name.encode()).digest()
    )
    held_out = set(order[: round(_HELD_OUT * len(order))])
    splits = {
        "train": [question for question in questions if question.article not in held_out],
        "validation": [question for question in questions if question.article in held_out],
    }
    return QuestionData("xquad-en", splits, ("train", "validation"))


def _only(folder: Path, split: str) -> Path:
    start = {"train": "train", "validation": "dev"}[split]
    found = sorted(path for path in folder.glob(f"{start}*.json*") if path.suffix in (".json", ".gz"))
    if len(found) != 1:
        raise ConfigError(f"{folder}: expected one file {start}*.json (found {len(found)})")
    return found[0]
