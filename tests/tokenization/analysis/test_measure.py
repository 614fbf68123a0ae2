"""The whole analysis against values worked by hand, on hostile text, and against its own symmetries."""

import dataclasses
import json

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from finkd.corpora.sentence import Sentence
from finkd.tokenization.analysis import Candidate, Encoder, Text, compare_tokenizers, measure
from finkd.tokenization.analysis.batch import LONGEST
from finkd.tokenization.tokenizer import Tokenizer
from tests.toys import FAMILIES, TEXTS, handmade, trained

ENCODER = Encoder(parameters=10_000, width=8, rank=8, layers=2, heads=2, intermediate=16, positions=64)
HOSTILE = [
    "",
    "   \t ",
    "\x00\x07\x1b[31m control",
    "zero\u200bwidth soft\u00adhyphen \ufeffmark",
    "👩‍👩‍👧 👍🏽 🇫🇷 emoji",
    "مرحبا بالعالم 4.5٪ שלום",
    "\u202eright to left\u202c",
    "e\u0301 a\u0300\u0301\u0302 n\u0303",
    "利率上升 4.75%",
    "[CLS] [SEP] [UNK] <s> </s>",
    "x" * 3000,
    "lent money " * 300,
    "�￿",
]


@pytest.fixture
def pair():
    teacher = handmade("teacher", "acme", "lent", "mon", "##ey", "to", lowercase=True)
    student = handmade("student", "Ac", "##me", "lent", "money")
    sentences = [
        Sentence.from_words(["Acme", "lent", "money"], ["B-ORG", "O", "O"]),
        Sentence.from_words(["money", "to", "Acme"], ["O", "O", "B-ORG"]),
    ]
    return compare_tokenizers(sentences, student, teacher, embedding_width=10)


def test_worked_by_hand(pair):
    (corpus,) = pair.corpora
    assert (corpus.texts, corpus.words, corpus.entities, corpus.characters) == (2, 6, 2, 28)
    # Student: Ac ##me | lent | money  and  money | [UNK] | Ac ##me; teacher: acme | lent | mon ##ey, twice over.
    teacher, student = pair.profiles
    assert student.fertility.value == teacher.fertility.value == pytest.approx(8 / 6)
    assert student.continued_words.value == teacher.continued_words.value == pytest.approx(2 / 6)
    assert (student.unknown_rate.value, teacher.unknown_rate.value) == (pytest.approx(1 / 8), 0)
    assert (student.mean_length.value, student.length_95, student.over_limit.value) == (6, 6, 0)
    assert (student.used_entries, student.dead_entries, student.core_entries) == (4, 0, 5)
    assert (teacher.used_entries, teacher.dead_entries) == (5, 0)
    assert [(cut.name, cut.count, cut.tokens.value) for cut in student.shapes] == [
        ("lower case", 4, 1),
        ("Capitalised", 2, 2),
    ]
    vocabulary = pair.vocabularies[1]
    assert (vocabulary.size, vocabulary.embedding_parameters, vocabulary.embedding_share) == (8, 80, None)
    assert (vocabulary.algorithm, vocabulary.name, vocabulary.origin) == ("wordpiece", "student", "given")


def test_entities_worked_by_hand(pair):
    teacher, student = pair.profiles
    (kind,) = student.types
    assert dataclasses.replace(kind, name="all") == student.entities
    assert (kind.name, kind.count, kind.words) == ("ORG", 2, 2)
    assert (kind.fertility.value, kind.whole_words.value, kind.whole_entities.value) == (2, 0, 0)
    entities = teacher.entities
    assert (entities.fertility.value, entities.whole_words.value, entities.whole_entities.value) == (1, 1, 1)
    assert entities.borders_inside.value == 0


def test_an_entity_is_whole_if_all_its_words_are():
    tokenizer = handmade("t", "gold", "##man", "sachs", "acme")
    tags = ["B-ORG", "I-ORG", "B-ORG"]
    found = compare_tokenizers([Sentence.from_words(["goldman", "sachs", "acme"], tags)], tokenizer, tokenizer, 1)
    entities = found.profiles[0].entities
    assert entities.whole_words.value == pytest.approx(2 / 3)
    assert entities.whole_entities.value == 0.5


def test_overlap_folds_case_and_keeps_continuations_apart(pair):
    (shift,) = pair.tokenizer_shifts
    # In common: lent. Either: acme lent mon ##ey to | ac ##me lent money.
    assert shift.overlap == pytest.approx(1 / 8)
    assert shift.weighted_overlap.value == pytest.approx(1 / 8)
    assert shift.length_ratio.value == 1
    # Of 8 tokens each, only "lent" (1 and 1) is common: 1 - 1/8.
    assert shift.divergence.value == pytest.approx(7 / 8)


def test_the_most_expensive_words_come_first_with_both_cuts(pair):
    teachers, students = pair.fragments
    (word,) = students.words
    assert dataclasses.astuple(word) == ("Acme", 2, (0, 2), (("acme",), ("Ac", "##me")))
    assert [word.word for word in teachers.words] == ["money"]


def test_examples_give_the_text_back_token_by_token(pair):
    shown = {
        "".join(s.text for s in example.cuts[1]): [(s.text, s.kind) for s in example.cuts[1] if s.kind != "gap"]
        for example in pair.examples
    }
    assert shown["money to Acme"] == [("money", "start"), ("to", "unknown"), ("Ac", "start"), ("me", "inside")]
    assert shown.keys() == {"money to Acme", "Acme lent money"}
    assert {example.lengths for example in pair.examples} == {(4, 4)}


def test_an_unknown_entity_word_is_not_whole():
    tokenizer = handmade("poor", "lent")
    found = compare_tokenizers([Sentence.from_words(["Acme", "lent"], ["B-ORG", "B-ORG"])], tokenizer, tokenizer, 10)
    assert found.profiles[1].entities.whole_words.value == 0.5
    assert found.profiles[1].entities.fertility.value == 1


def whole_stretches():
    backend = Backend(models.WordLevel({"[UNK]": 0, "5%": 1, "Acme-owned": 2}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Tokenizer(backend, {"unk": "[UNK]"}, "whole")


def test_a_token_across_two_words_counts_for_both():
    found = compare_tokenizers([Sentence("5%", ((0, 1), (1, 2)))], whole_stretches(), whole_stretches(), 1)
    assert found.profiles[1].fertility.value == 1


def test_a_border_inside_a_token_is_reported():
    sentence = Sentence("Acme-owned", ((0, 4), (4, 5), (5, 10)), ("B-ORG", "O", "O"))
    found = compare_tokenizers([sentence], whole_stretches(), whole_stretches(), 1)
    assert found.profiles[1].entities.borders_inside.value == 0.5


def test_figures_need_two_tokenizers():
    alone = measure([Text("text", "all", ["Acme fell"])], [Candidate(whole_stretches(), "reference")], width=1)
    with pytest.raises(ValueError, match=r"figures: found the tokenizer '.*' alone; expected two to compare"):
        alone.figures()


def test_figures_are_flat_and_json(pair):
    figures = json.loads(json.dumps(pair.figures()))
    assert figures["fertility"] == pair.profiles[1].fertility.value
    assert figures["entity_fertility"] == 2
    assert figures["overlap"] == pair.tokenizer_shifts[0].overlap
    assert json.loads(json.dumps(pair.as_dict()))["vocabularies"][1]["size"] == 8


def test_the_same_text_gives_the_same_analysis_in_any_order():
    pair = [Candidate(trained("wordpiece", True, 260), "reference"), Candidate(trained("bpe", True, 400))]
    first, second = (
        measure([Text("t", "all", texts)], pair, width=8, encoder=ENCODER) for texts in (TEXTS, TEXTS[::-1])
    )
    without = [dataclasses.replace(found, numbers=()) for found in (first, second)]  # the first ones of their kind
    assert without[0] == without[1]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("as_sentences", [True, False])
def test_hostile_text_is_measured(name, as_sentences):
    tokenizer = FAMILIES[name]()
    items = [Sentence.from_words(t.split()) for t in HOSTILE] if as_sentences else HOSTILE
    found = measure([Text("t", "all", items)], [Candidate(tokenizer)], width=8, encoder=ENCODER, limit=64, examples=20)
    (profile,) = found.profiles
    assert found.corpora[0].texts == len(HOSTILE)
    assert profile.over_limit.value > 0
    for example in found.examples:
        shown = "".join(segment.text for segment in example.cuts[0])
        assert any(text.strip().startswith(shown) or " ".join(text.split()).startswith(shown) for text in HOSTILE)
    json.dumps(found.as_dict()).encode()


def test_words_that_normalising_deletes_are_counted_as_lost():
    tokenizer = handmade("t", "a", "b")
    found = compare_tokenizers([Sentence("a \x07 b", ((0, 1), (2, 3), (4, 5)))], tokenizer, tokenizer, 1)
    assert found.profiles[1].lost_words.value == pytest.approx(1 / 3)


def test_a_text_longer_than_any_batch_is_taken_in_parts_and_loses_nothing():
    tokenizer = trained("wordpiece", True, 260)
    text = " ".join(TEXTS * 200)
    whole = measure([Text("t", "all", [text])], [Candidate(tokenizer)], width=8)
    (corpus,) = whole.corpora
    assert len(text) > LONGEST
    assert (corpus.cut, corpus.texts, corpus.characters) == (1, -(-len(text) // LONGEST), len(text))
    apart = measure([Text("t", "all", TEXTS)], [Candidate(tokenizer)], width=8)
    assert whole.profiles[0].fertility.value == pytest.approx(apart.profiles[0].fertility.value)
    assert corpus.words == 200 * apart.corpora[0].words


def test_domain_shift_compares_every_text_with_the_first():
    tokenizer = handmade("t", "acme", "lent", "money", "mon", "##ey", "##s")
    texts = [Text("one", "all", ["acme lent", "acme"]), Text("two", "all", ["acme moneys", "acme moneys"])]
    found = measure(texts, [Candidate(tokenizer)], width=8)
    (shift,) = found.domain_shifts
    # In one: acme 2, lent 1. In two: acme 2, money 2, ##s 2.
    assert (shift.corpus, shift.tokenizer) == ("two", "t")
    assert shift.fertility_ratio.value == pytest.approx(6 / 4)
    assert shift.overlap == pytest.approx(1 / 4)
    assert shift.weighted_overlap.value == pytest.approx(2 / 6)
    assert found.tokenizer_shifts == ()
    same = measure([texts[0], dataclasses.replace(texts[0], name="again")], [Candidate(tokenizer)], width=8)
    assert (same.domain_shifts[0].divergence.value, same.domain_shifts[0].overlap) == (0, 1)


def test_sizes_of_one_algorithm_make_a_curve():
    sizes = (110, 150, 200, 260)
    swept = [Candidate(trained("wordpiece", True, size), "trained", "wordpiece") for size in sizes]
    others = [Candidate(trained("bpe", True, 400), "reference"), Candidate(trained("unigram", True, 160), "trained")]
    found = measure([Text("t", "all", TEXTS)], [*others, *swept[::-1]], width=8, encoder=ENCODER)
    (curve,) = found.curves
    assert curve.algorithm == "wordpiece"
    assert curve.sizes == tuple(len(candidate.tokenizer) for candidate in swept)
    assert [e.value for e in curve.fertility] == sorted((e.value for e in curve.fertility), reverse=True)
    assert curve.knee in curve.sizes[1:-1]
    shares = [v.embedding_share for v in found.vocabularies[2:]]
    assert shares == sorted(shares, reverse=True)


def test_no_word_is_refused_in_one_line():
    tokenizer = FAMILIES["bpe"]()
    with pytest.raises(ValueError, match=r"^text: analyze: no word in 2 texts \(all\); expected [^\n]*$"):
        compare_tokenizers([Sentence("", ()), Sentence(" ", ())], tokenizer, tokenizer, 8)
    with pytest.raises(ValueError, match="no word in 0 texts"):
        compare_tokenizers([], tokenizer, tokenizer, 8)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_tokenizer_shares_everything_with_itself(name):
    tokenizer = FAMILIES[name]()
    found = compare_tokenizers([Sentence.from_words(text.split()) for text in TEXTS], tokenizer, tokenizer, 8)
    (shift,) = found.tokenizer_shifts
    assert (shift.overlap, shift.length_ratio.value, shift.divergence.value) == (1, 1, 0)
    assert shift.weighted_overlap.value == 1
    first, second = found.profiles
    assert dataclasses.replace(second, tokenizer=first.tokenizer) == first
    assert first.entities is None
    assert [v.name for v in found.vocabularies] == [tokenizer.name, f"{tokenizer.name} (2)"]
