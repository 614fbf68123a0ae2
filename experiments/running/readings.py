"""What taggers found in a labelled text, read by them now or kept for run records, for tables of their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finkd.corpora.corpus import NerData
from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.evaluation.error_analysis import Reading
from finkd.evaluation.recorded_predictions import RecordedPredictions, predictions_file, text_address, tokens_of_words
from finkd.experiments.configuration.experiment import unchecked
from finkd.experiments.configuration.splits import check_labels, load_split
from finkd.experiments.running.labelled_text import LabelledText
from finkd.export.loading import load_tagger
from finkd.inference.tagger import predict_with_scores
from finkd.records import RunRecord


@dataclass(frozen=True)
class ScoredText:
    """The sentences that taggers read, and those that they learned from.

    Attributes:
        data: the corpus.
        split: name of the split.
        sentences: of the split.
        train: of the training split; empty if there is none.
    """

    data: NerData
    split: str
    sentences: Sequence[Sentence]
    train: Sequence[Sentence]


def text_of_corpus(corpus: str, split: str | None, scheme: str, offsets: str) -> ScoredText:
    """Return a split of a corpus; see ``load_split``."""
    data, chosen = load_split(corpus, split, scheme, offsets)
    return ScoredText(data, chosen, data.splits[chosen], data.splits.get("train", ()))


def text_of_record(path: Path) -> ScoredText:
    """Return the text that a run record was scored on, from its corpus as it is now.

    Raises:
        DataError: if it is a record of ``finkd distill``, which is no experiment.
    """
    record = RunRecord.load(path)
    if "distill" in record.config:
        raise DataError(f"{path}: 'finkd distill' keeps no predictions; name the tagger's folder, and a --corpus")
    text = LabelledText(unchecked(record.config))
    gold = text.gold(record.seed)
    return ScoredText(text.data, record.split, gold.scored, gold.train)


def reading_of_record(name: str, path: Path, sentences: Sequence[Sentence]) -> Reading:
    """Read the predictions of a run record.

    Raises:
        DataError: if there are none, or they are of other sentences.
    """
    found = RecordedPredictions.load(path)
    if found.text != text_address(sentences):
        raise DataError(
            f"{predictions_file(path)}: predictions for another text than this one; run the experiment again"
        )
    return Reading(name, found.entities, found.scores, found.tokens)


def reading_of_tagger(name: str, folder: Path, text: ScoredText) -> Reading:
    """Have a tagger read a text.

    Raises:
        ConfigError: if it lacks a label of the corpus.
    """
    tagger = load_tagger(folder)
    check_labels(str(folder), tagger.labels, text.data)
    found = predict_with_scores(text.sentences, tagger)
    tokens = tokens_of_words(text.sentences, tagger.tokenizer)
    return Reading(name, [entities(each) for each in found.tags], found.probabilities, tokens)
