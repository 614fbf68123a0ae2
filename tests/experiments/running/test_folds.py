"""Parts of a training split: documents stay whole, and no seed is scored on what it has learned."""

import pytest

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.evaluation.folds import folds
from finkd.experiments.configuration.experiment import from_settings
from finkd.experiments.running.prepared import Prepared
from finkd.experiments.running.run import run
from tests.experiments.conftest import TRAIN

pytestmark = pytest.mark.slow


def test_folds_keep_documents_whole():
    sentences = [Sentence.from_words([str(number)], document=f"document {number // 4}") for number in range(40)]
    parts = folds(sentences, 3)
    every = {sentence.document for sentence in sentences}
    held = [{sentence.document for sentence in fold.part} for fold in parts]
    assert all(held)
    assert set.union(*held) == every
    assert sum(map(len, held)) == len(every)
    assert [every - {sentence.document for sentence in fold.rest} for fold in parts] == held
    assert sorted(sentence.text for fold in parts for sentence in fold.part) == sorted(each.text for each in sentences)
    with pytest.raises(ConfigError, match="folds: expected up to the number of documents"):
        folds(sentences[:1], 2)


def test_no_fold_is_learned_from_sentences_that_stand_elsewhere_too():
    texts = [str(number if number % 5 else number % 10) for number in range(40)]
    sentences = [Sentence.from_words([text], document=f"document {n}") for n, text in enumerate(texts)]
    for fold in folds(sentences, 3):
        assert fold.rest
        assert {sentence.text for sentence in fold.rest}.isdisjoint(sentence.text for sentence in fold.part)


@pytest.fixture
def by_folds(settings, tmp_path):
    """The toy experiment, each of whose four documents is scored by one of two seeds."""
    (tmp_path / "documents").mkdir()
    documents = [f"-DOCSTART- O\n\n{TRAIN.replace('lent', word)}" for word in ("lent", "paid", "gave", "owed")]
    (tmp_path / "documents" / "train.conll").write_text("".join(documents).replace("and O", "or O", 1))
    return settings | {
        "corpus": str(tmp_path / "documents"),
        "split": "train",
        "cross_validation": 2,
        "seeds": [1, 2],
        "systems": {
            "teacher": {"role": "teacher", "strategy": "finetune"},
            "student": {"strategy": "truncate-layers > finetune"},
        },
    }


def test_every_document_is_scored_by_a_seed_that_has_not_read_it(by_folds, tmp_path):
    experiment = from_settings(by_folds)
    prepared = Prepared(experiment, tmp_path / "store")
    golds = [prepared.gold(seed) for seed in (1, 2)]
    assert golds[0].corpus != golds[1].corpus
    for gold in golds:
        assert gold.overlap == 0
        assert {each.document for each in gold.train}.isdisjoint(each.document for each in gold.scored)
    records = [record for record in run(experiment, tmp_path / "out") if record.system == "student"]
    documents = [set(record.scores.per_document) for record in records]
    assert [len(each) for each in documents] == [2, 2]
    assert not documents[0] & documents[1]
    entities, words = (
        sum(found) for found in zip(*((r.scores.micro.gold, r.scores.words) for r in records), strict=True)
    )
    table = (tmp_path / "out" / "results.md").read_text()
    said = "train split in 2 parts, of which each seed learns all but the one it is scored on"
    assert f"{said}, {entities} gold entities in {words} words" in table
    assert "No scored sentence also stands in the training split." in table


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "validation"}, "split: cross_validation scores parts of the training split, train"),
        ({"cross_validation": None}, "split: systems learn from train; choose another split, or set cross_validation"),
        ({"seeds": [1, 3]}, r"seeds: with cross_validation, expected numbers from 1 to 2 \(got \[1, 3\]\)"),
        ({"cross_validation": 1}, "cross_validation: input should be greater than or equal to 2"),
        (
            {
                "systems": {
                    "own": {"role": "teacher", "strategy": "finetune"},
                    "mean": {"role": "teacher", "teacher": [{"system": "own", "seed": 2}]},
                    "student": {"strategy": "finetune", "teacher": "mean"},
                }
            },
            r"systems\.mean\.teacher\.0\.seed: another seed learns from what this one is scored on",
        ),
    ],
)
def test_seeds_that_would_have_read_what_is_scored_are_refused(by_folds, changes, message):
    with pytest.raises(ConfigError, match=message):
        from_settings(by_folds | changes)
