"""The tokenizer-shift analysis from names to figures."""

import pytest

from finkd.compression.embedding_factorization import factorize
from finkd.corpora.errors import ConfigError, DataError
from finkd.experiments import vocabularies
from finkd.experiments.vocabularies import (
    DEFAULT_ALGORITHM,
    DEFAULT_SIZE,
    AnalysisPlan,
    analyze,
    source,
)
from finkd.models.loading import load_model


def plan(teacher, *named, **more):
    return AnalysisPlan(str(teacher), tuple(map(str, named)), **more)


def test_the_embedding_shares_follow_from_the_sizes(teacher, corpus):
    check_shares(teacher, corpus)


def test_embeddings_narrower_than_the_model_are_counted_as_they_are(teacher, corpus, tmp_path):
    factorize(load_model(teacher), 8).save(tmp_path)
    check_shares(tmp_path, corpus)


def check_shares(folder, corpus):
    """Compare the figures of an analysis with the model's own weights."""
    found = analyze(plan(folder, corpus, sizes=(120,)))
    model = load_model(folder)
    total = sum(p.numel() for p in model.network.parameters())
    old, new = (vocabulary.embedding_parameters for vocabulary in found.vocabularies)
    assert old == model.embeddings.weight.numel()
    shares = tuple(vocabulary.embedding_share for vocabulary in found.vocabularies)
    assert shares == pytest.approx((old / total, new / (total - old + new)))


def test_the_vocabulary_never_sees_the_measured_split(teacher, corpus, tmp_path):
    changed = tmp_path / "corpus"
    changed.mkdir()
    (changed / "train.conll").write_bytes((corpus / "train.conll").read_bytes())
    (changed / "test.conll").write_text("Quux B-ORG\nzymurgy O\n")
    first, second = (analyze(plan(teacher, folder, sizes=(120,))) for folder in (corpus, changed))
    assert first.vocabularies[1].size == second.vocabularies[1].size
    assert second.profiles[1].entities.whole_words.value == 0.0


def test_a_size_that_the_text_cannot_fill_is_measured_once(teacher, corpus, caplog):
    found = analyze(plan(teacher, corpus, sizes=(5000, 9000)))
    assert len(found.vocabularies) == 2
    assert f"no more than {found.vocabularies[1].size} entries; 9000 are left out" in caplog.text


@pytest.fixture
def lines(tmp_path):
    """A file of forty lines of raw text, each with a word of its own."""
    path = tmp_path / "lines.txt"
    path.write_text("".join(f"Acme lent money word{'abcdefghij'[n % 10] * (n // 10 + 1)}\n" for n in range(40)))
    return path


def test_raw_text_keeps_some_lines_out_of_the_vocabularys_training_and_is_read_once(teacher, lines, monkeypatch):
    learned = []
    training = vocabularies.Unlabelled.training

    def watched(*settings, **more):
        learned.extend(training(*settings, **more))
        return learned

    monkeypatch.setattr(vocabularies.Unlabelled, "training", watched)
    found = analyze(plan(teacher, lines, sizes=(120, 130)))
    measured = found.corpora[0]
    assert measured.part.startswith("one line in 10, held out")
    assert 0 < measured.texts == 40 - len(learned)
    assert measured.texts == analyze(plan(teacher, lines, sizes=(120,))).corpora[0].texts


def test_a_tokenizer_that_is_given_is_measured_on_every_line(teacher, lines):
    found = analyze(plan(teacher, lines, tokenizers=(str(teacher),)))
    assert (found.corpora[0].part, found.corpora[0].texts) == ("all lines", 40)
    assert [v.origin for v in found.vocabularies] == ["reference", "given"]
    assert found.profiles[0].entities is None


def test_only_the_first_corpus_is_learned_from(teacher, corpus, lines):
    found = analyze(plan(teacher, corpus, lines, sizes=(120,), algorithms=("wordpiece",)))
    assert [(c.part, c.entities) for c in found.corpora] == [("test split", 3), ("all lines", 0)]
    assert {shift.corpus for shift in found.domain_shifts} == {str(lines)}


def test_records_with_tags_are_labelled_and_others_are_text(teacher, tmp_path):
    text, tagged = tmp_path / "text.jsonl", tmp_path / "tagged.jsonl"
    text.write_text('{"text": "Acme lent money"}\n')
    tagged.write_text('{"words": ["Acme", "lent"], "tags": ["B-ORG", "O"]}\n')
    found = analyze(plan(teacher, text, tagged, tokenizers=(str(teacher),)))
    assert [(c.part, c.entities) for c in found.corpora] == [("all lines", 0), ("all split", 1)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("export.tsv", "Acme\tB-ORG\nfell\tO\n"),
        ("export.CONLL", "Acme\tB-ORG\nfell\tO\n"),
        ("export.jsonl", '{"text": "Acme fell", "label": [[0, 4, "ORG"]]}\n'),
    ],
)
def test_every_format_of_labelled_text_is_read_as_such(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    found = source(str(tmp_path / name))
    assert isinstance(found, vocabularies.Labelled)
    assert found.data.types == ("ORG",)


def test_text_of_too_few_lines_to_hold_one_out_is_refused(teacher, tmp_path):
    path = tmp_path / "short.txt"
    path.write_text("Acme lent money\n")
    with pytest.raises(DataError, match="found 1 line, of which the hash holds none out"):
        analyze(plan(teacher, path, sizes=(120,)))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"corpora": ()}, "corpora: names none"),
        ({"corpora": ("a", "b", "a")}, "corpora: 'a' is named twice"),
        ({"sizes": (10, 10)}, "sizes: 10 is named twice"),
        ({"limit": 0}, "limit: expected a number of tokens"),
    ],
)
def test_a_plan_that_cannot_be_measured_is_refused(change, problem):
    with pytest.raises(ConfigError, match=problem):
        AnalysisPlan(**{"teacher": "t", "corpora": ("a",), **change})


def test_what_is_trained_if_little_is_said():
    usual = ((DEFAULT_ALGORITHM, DEFAULT_SIZE),)
    assert plan("t", "c").trained == usual
    assert plan("t", "c", tokenizers=("d",)).trained == ()
    assert plan("t", "c", tokenizers=("d",), sizes=(DEFAULT_SIZE,)).trained == usual
    assert plan("t", "c", algorithms=("bpe", "unigram"), sizes=(1, 2)).trained == (
        *(("bpe", 1), ("bpe", 2)),
        *(("unigram", 1), ("unigram", 2)),
    )


def test_a_single_labelled_file_is_divided(corpus):
    found = source(str(corpus / "train.conll"))
    assert 0 < len(list(found.training(held_out=True))) < len(found.data.splits["all"])
    assert found.measured(held_out=True).part == "test split"
    assert found.measured(held_out=False).part == "all split"


def test_a_folder_without_a_train_split_is_not_learned_from(corpus, tmp_path):
    (tmp_path / "test.conll").write_text((corpus / "test.conll").read_text())
    with pytest.raises(ConfigError, match="has no train split"):
        source(str(tmp_path)).training(held_out=False)
