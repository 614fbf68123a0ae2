"""What changing the tokenizer does to a text: how finely words are cut, what stays known, what the embeddings cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corpora.sentence import Sentence
from corpora.tags import OUTSIDE
from tokenization.alignment import Alignment, align, word_rows
from tokenization.mapping import surface
from tokenization.tokenizer import Longs, Pieces, Tokenizer

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Profile:
    """How one tokenizer cuts a text.

    Attributes:
        name: of the tokenizer.
        algorithm: kind of its model, such as ``"wordpiece"``.
        size: entries of the vocabulary.
        embedding_parameters: size x width.
        fertility: mean pieces per word.
        continued_words: share of words cut into two pieces or more.
        entity_fertility: mean pieces per word inside an entity; ``None`` without labelled entities.
        whole_entity_words: share of the words inside entities that are one known piece; ``None`` likewise.
        unknown_rate: share of pieces that are the unknown token.
        mean_length: pieces per sentence, special tokens included.
        length_95: 95th percentile of the same.
    """

    name: str
    algorithm: str
    size: int
    embedding_parameters: int
    fertility: float
    continued_words: float
    entity_fertility: float | None
    whole_entity_words: float | None
    unknown_rate: float
    mean_length: float
    length_95: float


@dataclass(frozen=True)
class FragmentedWord:
    """A frequent word that the student cuts finely.

    Attributes:
        word: as written.
        count: occurrences in the text.
        teacher: its pieces under the teacher's tokenizer, on its own.
        student: likewise under the student's.
    """

    word: str
    count: int
    teacher: tuple[str, ...]
    student: tuple[str, ...]


@dataclass(frozen=True)
class Shift:
    """What a student's tokenizer does to a text, next to its teacher's.

    Attributes:
        sentences: sentences measured.
        words: words measured.
        teacher: profile of the teacher's tokenizer.
        student: profile of the student's.
        length_ratio: pieces of the student per piece of the teacher, special tokens included.
        overlap: entries common to both vocabularies over the entries of either (Jaccard); special tokens left out.
        weighted_overlap: share of the student's pieces, as they occur, that the teacher's vocabulary holds too.
        fragmented: frequent words that cost the student most extra pieces.
    """

    sentences: int
    words: int
    teacher: Profile
    student: Profile
    length_ratio: float
    overlap: float
    weighted_overlap: float
    fragmented: tuple[FragmentedWord, ...]

    def figures(self) -> dict[str, str | int | float | None]:
        """The student's profile and the comparison in one flat row, for records and tables."""
        comparison = {
            "length_ratio": self.length_ratio,
            "overlap": self.overlap,
            "weighted_overlap": self.weighted_overlap,
        }
        return {**vars(self.student), **comparison}


def analyze(
    sentences: Sequence[Sentence], tokenizer: Tokenizer, teacher: Tokenizer, embedding_width: int, worst: int = 20
) -> Shift:
    """Measure a tokenizer against the teacher's on a text.

    Every figure is only meaningful on text that the vocabulary was not trained on: a vocabulary always fits its own.

    Args:
        sentences: held-out text; tags are used where there are any.
        tokenizer: the student's.
        teacher: the teacher's.
        embedding_width: columns of the student's embedding matrix; both are priced at this width.
        worst: fragmented words to list.

    Raises:
        ValueError: if the sentences hold no word.
    """
    words = [word for sentence in sentences for word in sentence.words]
    if not words:
        raise ValueError(f"analyze: no word in {len(sentences)} sentences; check the split that was given")
    texts = [sentence.text for sentence in sentences]
    inside = _inside_entities(sentences)
    student_pieces, teacher_pieces = tokenizer.encode(texts), teacher.encode(texts)
    student_words, teacher_words = _to_words(student_pieces, sentences), _to_words(teacher_pieces, sentences)
    fold = tokenizer.lowercases or teacher.lowercases
    ours, theirs = _canonical(tokenizer, fold), _canonical(teacher, fold)
    common = set(ours.values()) & set(theirs.values())
    occurring = student_pieces.ids[~_framing(student_pieces)].tolist()
    known = np.fromiter((ours.get(index) in common for index in occurring), np.bool_, len(occurring))
    return Shift(
        sentences=len(sentences),
        words=len(words),
        teacher=_profile(teacher, teacher_words, inside, embedding_width),
        student=_profile(tokenizer, student_words, inside, embedding_width),
        length_ratio=len(student_pieces.ids) / len(teacher_pieces.ids),
        overlap=len(common) / max(len(set(ours.values()) | set(theirs.values())), 1),
        weighted_overlap=_mean(known),
        fragmented=_fragmented(words, _counts(student_words), tokenizer, teacher, worst),
    )


def _profile(tokenizer: Tokenizer, words: Alignment, inside: Bools, width: int) -> Profile:
    pieces, cuts = words.teacher, _counts(words)
    lengths = np.diff(pieces.rows)
    unknown = pieces.ids == tokenizer.special_ids.get("unk", -1)
    whole = cuts == 1
    whole[words.student_index[unknown[words.teacher_index]]] = False
    return Profile(
        name=tokenizer.name,
        algorithm=type(tokenizer.backend.model).__name__.lower(),
        size=len(tokenizer),
        embedding_parameters=len(tokenizer) * width,
        fertility=_mean(cuts),
        continued_words=_mean(cuts > 1),
        entity_fertility=_mean(cuts[inside]) if inside.any() else None,
        whole_entity_words=_mean(whole[inside]) if inside.any() else None,
        unknown_rate=_mean(unknown[~_framing(pieces)]),
        mean_length=_mean(lengths),
        length_95=float(np.percentile(lengths, 95)),
    )


def _mean(values: Longs | Bools) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _framing(pieces: Pieces) -> Bools:
    return pieces.opening | pieces.closing


def _inside_entities(sentences: Sequence[Sentence]) -> Bools:
    """(words,) True for words inside a labelled entity."""
    tags = [tag for sentence in sentences for tag in sentence.tags or (OUTSIDE,) * len(sentence.spans)]
    return np.array([tag != OUTSIDE for tag in tags], np.bool_)


def _to_words(pieces: Pieces, sentences: Sequence[Sentence]) -> Alignment:
    """The pieces, as the teacher, against the words of the sentences, as if these were a student's pieces."""
    starts, ends, rows = word_rows([sentence.spans for sentence in sentences])
    none = np.zeros(len(starts), np.bool_)
    words = Pieces(
        np.zeros(len(starts), np.int32),
        starts.astype(np.int32),
        ends.astype(np.int32),
        rows,
        pieces.lengths,
        opening=none,
        closing=none,
    )
    return align(pieces, words)


def _counts(words: Alignment) -> Longs:
    """(words,) number of pieces that share a character with each word."""
    return np.bincount(words.student_index, minlength=len(words.student.ids))


def _canonical(tokenizer: Tokenizer, fold: bool) -> dict[int, tuple[str, bool]]:
    """What each entry that stands for text means, (text, continues a word?) by id: equal for every way to mark it."""
    special = set(tokenizer.special_ids.values())
    found = {}
    for index, piece in enumerate(tokenizer.vocabulary):
        if piece and index not in special:
            text, continues = surface(tokenizer, index, piece)
            if text:
                # Punctuation starts a word of its own whether or not the vocabulary's family marks it.
                found[index] = (text.lower() if fold else text, continues and text[0].isalnum())
    return found


def _fragmented(
    words: Sequence[str], cuts: Longs, tokenizer: Tokenizer, teacher: Tokenizer, worst: int
) -> tuple[FragmentedWord, ...]:
    """Words in falling order of the extra pieces they cost over the whole text, then by spelling."""
    extra: Counter[str] = Counter()
    for word, cut in zip(words, cuts.tolist(), strict=True):
        extra[word] += max(cut - 1, 0)
    counts = Counter(words)
    chosen = [word for word, cost in sorted(extra.items(), key=lambda item: (-item[1], item[0])) if cost][:worst]
    return tuple(FragmentedWord(word, counts[word], _cut(teacher, word), _cut(tokenizer, word)) for word in chosen)


def _cut(tokenizer: Tokenizer, word: str) -> tuple[str, ...]:
    return tuple(tokenizer.backend.encode(word, add_special_tokens=False).tokens)
