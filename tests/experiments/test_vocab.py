"""``finkd vocab`` beyond a vocabulary from scratch."""

import json

import pytest
from transformers import AutoTokenizer

from finkd.tokenization.tokenizer import Tokenizer


def made(finkd, corpus, out, *options):
    result = finkd("vocab", "--corpus", corpus, "--out", out, "--json", *options, code=0)
    return json.loads(result.stdout), Tokenizer.load(out)


def test_a_teachers_vocabulary_is_trimmed(finkd, corpus, teacher, tmp_path):
    shown, tokenizer = made(finkd, corpus, tmp_path / "out", "--trim-from", teacher)
    old = Tokenizer.load(teacher)
    assert {*tokenizer.vocabulary} < {*old.vocabulary}
    assert shown == {
        "folder": str(tmp_path / "out"),
        "algorithm": "wordpiece",
        "size": len(tokenizer),
        "lowercase": True,
    }


def test_a_teachers_vocabulary_is_grown(finkd, corpus, teacher, tmp_path):
    options = ("--grow-from", teacher, "--rule", "fertility", "--threshold", "1")
    _, tokenizer = made(finkd, corpus, tmp_path / "out", *options)
    old = Tokenizer.load(teacher)
    assert tokenizer.vocabulary[: len(old)] == old.vocabulary


def test_protection_lasts_in_transformers(finkd, corpus, tmp_path):
    (tmp_path / "tickers.txt").write_text("AAPL\nBRK.B\n")
    options = ("--vocab-size", "200", "--cased", "--protect", tmp_path / "tickers.txt", "--digits", "split")
    made(finkd, corpus, tmp_path / "out", *options)
    assert AutoTokenizer.from_pretrained(tmp_path / "out").tokenize("AAPL BRK.B 19") == ["AAPL", "BRK.B", "1", "9"]


def test_a_general_corpus_is_weighed_in(finkd, corpus, tmp_path):
    (tmp_path / "general.txt").write_text("aardvarks aardvarks\n" * 9)
    options = ("--vocab-size", "150", "--general", tmp_path / "general.txt", "--weight", "0.2")
    _, tokenizer = made(finkd, corpus, tmp_path / "out", *options)
    assert "aardvarks" in tokenizer.vocabulary


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--vocab-size: missing"),
        (("--grow-from", "x", "--trim-from", "y"), "expected one of them"),
        (("--grow-from", "x", "--vocab-size", "9"), "--vocab-size: a grown vocabulary"),
        (("--trim-from", "x", "--cased"), "--cased"),
        (("--vocab-size", "200", "--digits", "one"), "--digits"),
        (("--vocab-size", "200", "--general", "sample-text", "--weight", "2"), "vocabulary.weight: expected a share"),
        (("--grow-from", "sample", "--threshold", "-1"), "vocabulary.threshold"),
    ],
)
def test_mistakes_are_told_in_one_line(options, message, finkd, corpus, tmp_path):
    result = finkd("vocab", "--corpus", corpus, "--out", tmp_path / "out", *options, code=2)
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_vocabulary_that_is_read_is_not_replaced(finkd, corpus, tmp_path):
    finkd("vocab", "--corpus", corpus, "--out", tmp_path / "first", "--vocab-size", 200, code=0)
    before = (tmp_path / "first" / "tokenizer.json").read_bytes()
    result = finkd("vocab", "--corpus", corpus, "--out", tmp_path / "first", "--trim-from", tmp_path / "first", code=2)
    assert "first holds the vocabulary that is read; choose another folder" in result.stderr
    assert (tmp_path / "first" / "tokenizer.json").read_bytes() == before


def test_a_vocabulary_is_replaced(finkd, corpus, tmp_path):
    made(finkd, corpus, tmp_path / "out", "--vocab-size", "90")
    shown, tokenizer = made(finkd, corpus, tmp_path / "out", "--vocab-size", "95")
    assert shown["size"] == len(tokenizer) == 95


def test_names_are_kept_whole_first(finkd, tmp_path):
    lines = ["the money of the bank and the interest on the money of the bank"] * 30
    lines += [f"the bank of {name} pays" for name in ("Zwolle", "Quimper", "Yverdon")] * 3
    corpus = tmp_path / "text.txt"
    corpus.write_text("\n".join(lines))
    cuts = []
    for number in ("1", "50"):
        out = tmp_path / number
        _, tokenizer = made(finkd, corpus, out, "--vocab-size", "118", "--names", number)
        cuts.append(len(tokenizer.encode(["Zwolle Quimper Yverdon"]).ids))
    assert cuts[1] < cuts[0]
