"""Similar words: copies of sentences with words whose embeddings lie near those that they replace.

TinyBERT (Jiao et al., arXiv 1909.10351, section 3.2 and algorithm 1) takes such words from GloVe, or has a masked
language model predict them. The token embeddings of the teacher itself hold them as well, need no training and no pass
over the text, and are there even where a teacher comes without its masked-LM head, as sentence encoders do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from torch.nn import functional

from finkd.corpora.sentence import Sentence
from finkd.models.model import Model
from finkd.settings import later
from finkd.tokenization.surface import canonical_forms

_BLOCK = 1024
"""Words that are compared with the whole vocabulary at once."""


@dataclass(frozen=True)
class SimilarWords:
    """Settings of copies with similar words.

    Attributes:
        copies: of each sentence; TinyBERT makes 20.
        fraction: of the replaceable words: those of letters that are one token of the teacher's vocabulary.
        nearest: number of nearest words to draw from.
        frequent: share of the text's distinct words, the most frequent ones, that always stay: they are its grammar.
        max_words: approximate upper limit on the words of the texts and their copies together. Which copies are made is
            left to chance.
    """

    copies: NonNegativeInt = 0
    fraction: Annotated[float, Field(gt=0, le=1)] = 0.4
    nearest: PositiveInt = 15
    frequent: Annotated[float, Field(ge=0, lt=1)] = 0.01
    max_words: PositiveInt | None = later(None)

    def share(self, words: int) -> float:
        """Return the share of the copies of a text of so many words that are made."""
        if self.max_words is None:
            return 1.0
        return min(1.0, max(0, self.max_words - words) / max(1, self.copies * words))


def with_similar_words(
    sentences: Sequence[Sentence], model: Model, how: SimilarWords, seed: int
) -> Iterator[list[Sentence]]:
    """Yield all sentences, without tags and with other words, once for each copy.

    Args:
        sentences: to copy.
        model: whose token embeddings say which words are similar.
        how: settings.
        seed: of all choices.

    Example:
        >>> from finkd.corpora.sentence import Sentence
        >>> from tests.finkd.toys import tiny_model
        >>> sentence = Sentence.from_words(["the", "agent", "may"])
        >>> ((copy,),) = with_similar_words([sentence], tiny_model(), SimilarWords(copies=1, fraction=1), seed=1)
        >>> len(copy.words)
        3
    """
    if not how.copies:
        return
    known = Counter(word.lower() for sentence in sentences for word in sentence.words)
    stay = {word for word, _ in known.most_common(int(how.frequent * len(known)))}
    near = nearest_words(model, sorted(known.keys() - stay), how.nearest)
    draw = np.random.Generator(np.random.PCG64(seed))

    def changed(sentence: Sentence) -> Sentence:
        chances, choices = draw.random(len(sentence.words)), draw.random(len(sentence.words))
        words = {}
        for place, word in enumerate(sentence.words):
            if chances[place] < how.fraction and (found := near.get(word.lower())):
                words[place] = found[int(choices[place] * len(found))]
        return sentence.with_words(words)

    for _ in range(how.copies):
        yield [changed(sentence) for sentence in sentences]


def changed_sentences(sentences: Sequence[Sentence], model: Model, how: SimilarWords, seed: int) -> Iterator[Sentence]:
    """Yield the copies in which a word has changed; the arguments are ``with_similar_words``'s."""
    draw = np.random.Generator(np.random.PCG64([seed, 1]))
    share = how.share(sum(len(sentence.words) for sentence in sentences))
    if not share:
        return
    for copy in with_similar_words(sentences, model, how, seed):
        for before, after in zip(sentences, copy, strict=True):
            is_made = draw.random() < share
            if is_made and after.text != before.text:
                yield after


def nearest_words(model: Model, words: Sequence[str], count: int) -> dict[str, list[str]]:
    """Find the words whose token embeddings have the largest cosine with those of some words.

    Args:
        model: whose vocabulary and embeddings are read.
        words: in lower case; those that are not one token of letters are left out.
        count: of the nearest words, at most.

    Returns:
        word -> words near it, the nearest first, none of which is the word itself in another case.
    """
    forms = canonical_forms(model.tokenizer, fold=False).items()
    words_alone = [(index, text) for index, (text, continues) in forms if not continues and text.isalpha()]
    # Of a word in several cases the one in lower case counts, which is hardly ever a name or an acronym.
    by_case = sorted(reversed(words_alone), key=lambda each: each[1].islower())
    entries = {text.lower(): (index, text) for index, text in by_case}
    asked = [word for word in words if word in entries]
    texts = [text for _, text in entries.values()]
    row_of = {word: row for row, word in enumerate(entries)}
    weight = model.embeddings.weight.detach().float().cpu()
    vectors = functional.normalize(weight[[index for index, _ in entries.values()]], dim=-1)
    found: dict[str, list[str]] = {}
    for start in range(0, len(asked), _BLOCK):
        rows = torch.tensor([row_of[word] for word in asked[start : start + _BLOCK]])
        cosines = vectors[rows] @ vectors.T
        cosines[torch.arange(len(rows)), rows] = -torch.inf
        best = cosines.topk(min(count, len(texts) - 1), dim=-1).indices.tolist()
        found |= {
            word: [texts[row] for row in near] for word, near in zip(asked[start : start + _BLOCK], best, strict=True)
        }
    return found
