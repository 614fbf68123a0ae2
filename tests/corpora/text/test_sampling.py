"""Unlabelled text: streaming, and a sample that is distinct, proportional and the same everywhere."""

import gzip
import json

import pytest

from finkd.corpora import fingerprint, sample_sentences, stream
from finkd.corpora.errors import ConfigError, DataError, UnknownNameError


def sample(*which, **how):
    return list(sample_sentences(*which, **how))


@pytest.fixture
def folder(tmp_path):
    long = [f"Bank {index} lent money. It was paid back in {index} days." for index in range(300)]
    (tmp_path / "long.txt").write_text("\n".join(long))
    short = [json.dumps({"text": f"Firm number {index} sold its bonds."}) for index in range(40)]
    (tmp_path / "short.jsonl.gz").write_bytes(gzip.compress("\n".join(short).encode()))
    return tmp_path


def sources(sentences):
    return [each.document.split(":")[0] for each in sentences]


def test_stream_gives_the_lines_of_the_sources(folder):
    lines = list(stream(folder))
    assert (len(lines), lines[300]) == (340, "Firm number 0 sold its bonds.")
    assert list(stream(folder, ["short"])) == lines[300:]
    assert list(stream(folder / "long.txt")) == lines[:300]


def test_a_table_is_read_and_what_is_not_is_told_of_once(folder, caplog):
    (folder / "table.csv.gz").write_bytes(gzip.compress(b"id,text\n1,Acme fell.\n"))
    for name in ("notes.pdf", ".hidden"):
        (folder / name).write_text("x")
    (folder / "more").mkdir()
    for _ in range(2):
        assert list(stream(folder, ["table"])) == ["Acme fell."]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        str(folder / name) for name in ("more", "notes.pdf")
    ]


def test_a_sample_is_distinct_and_located(folder):
    drawn = sample(folder, 100)
    assert len({each.text for each in drawn}) == 100
    lines = {"long": list(stream(folder, ["long"])), "short": list(stream(folder, ["short"]))}
    for each in drawn:
        source, number = each.document.split(":")
        assert each.text in lines[source][int(number) - 1]
        assert each.tags is None
        assert "".join(each.words) == each.text.replace(" ", "")


def test_a_bigger_sample_begins_with_the_smaller_one(folder):
    # The lines are chosen in several passes when the first one did not keep enough: that must not show.
    small, big = sample(folder, 5), sample(folder, 400)
    assert big[:5] == small
    assert sample(folder, 5, seed=1) != small


def test_the_sample_is_the_same_on_every_machine(folder):
    texts = [each.text for each in sample(folder, 4, seed=7)]
    assert texts == [
        "Bank 138 lent money.",
        "Firm number 24 sold its bonds.",
        "It was paid back in 138 days.",
        "Bank 17 lent money.",
    ]


def test_sources_come_in_proportion(folder):
    assert sources(sample(folder, 100, sources={"long": 3, "short": 1})).count("short") == 25
    by_size = sources(sample(folder, 100)).count("short")
    characters = {source: sum(map(len, stream(folder, [source]))) for source in ("long", "short")}
    assert by_size == pytest.approx(100 * characters["short"] / sum(characters.values()), abs=1)


def test_too_few_sentences_are_counted(folder):
    with pytest.raises(DataError, match=r"has 40 distinct sentences of 5 to 60 words; expected 41, ask for fewer"):
        sample(folder, 41, sources={"short": 1.0})
    with pytest.raises(DataError, match="has 0 distinct sentences of 5 to 6 words"):
        sample(folder, 1, sources={"short": 1.0}, max_words=6)


def test_fingerprint_follows_bytes_sources_and_weights(folder):
    prints = [
        fingerprint(folder),
        fingerprint(folder, {"long": 1.0}),
        fingerprint(folder, {"long": 1.0, "short": 1.0}),
        fingerprint(folder, {"long": 1.0, "short": 2.0}),
        fingerprint("sample-text"),
        fingerprint("financial-text"),
        fingerprint("financial-text", {"fomc": 1.0}),
    ]
    (folder / "long.txt").write_text("Other text.")
    assert len({*prints, fingerprint(folder)}) == 8
    assert fingerprint(folder, {"short": 2.0, "long": 1.0}) == fingerprint(folder, {"long": 1.0, "short": 2.0})


def test_fingerprint_follows_how_a_file_is_read(tmp_path):
    for suffix in ("txt", "md", "jsonl"):
        (tmp_path / f"a.{suffix}").write_text('{"text": "The bank lent money to Acme."}\n')
    text, markdown, records = (fingerprint(tmp_path / f"a.{suffix}") for suffix in ("txt", "md", "jsonl"))
    assert text == markdown
    assert text.startswith("71e010c2e12e")  # as before formats counted
    assert records != text


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ({"shrt": 1.0}, UnknownNameError, "there is no 'shrt'; did you mean 'short'"),
        ({"short": 0.0}, ConfigError, r"sources.short: weight must be positive \(got 0.0\)"),
        ({"short": float("nan")}, ConfigError, "must be positive"),
        ({}, ConfigError, "sources: names none"),
    ],
)
def test_wrong_sources_are_named(folder, weights, error, message):
    for refused in (lambda: sample(folder, 3, sources=weights), lambda: fingerprint(folder, weights)):
        with pytest.raises(error, match=message):
            refused()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", "\n \n", r"x\.txt:1: found no text; expected one passage per line"),
        ("x.jsonl", '{"text": ""}\n{"text": " "}\n', r"x\.jsonl:1: found no text; expected one passage per line"),
        ("x.jsonl", '{"text": "a"}\n{"body": "b"}\n', r"x\.jsonl:2: expected a text under 'text' \(found body\)"),
        ("x.pdf", "a", r"found no \.txt, \.md, \.jsonl, \.csv file"),
    ],
)
def test_broken_text_files_get_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        list(stream(tmp_path / name))


def test_a_source_without_characters_is_named(folder):
    (folder / "none.jsonl").write_text('{"text": ""}\n')
    with pytest.raises(DataError, match=r"none\.jsonl:1: found no text"):
        sample(folder, 3)


def test_two_files_for_one_source_are_refused(folder):
    (folder / "short.txt").write_text("a")
    with pytest.raises(DataError, match=r"second file for the source 'short' beside short\.jsonl\.gz"):
        list(stream(folder))


def test_names_that_lead_nowhere():
    with pytest.raises(UnknownNameError, match="there is no 'finance-text'; did you mean 'financial-text'"):
        list(stream("finance-text"))
    with pytest.raises(ConfigError, match="sample: is a labelled corpus; expected unlabelled text"):
        sample("sample", 3)


def test_other_sources_stand_in_for_one_that_runs_dry(folder):
    drawn = sources(sample(folder, 200, sources={"long": 1, "short": 1}))
    assert (drawn.count("short"), drawn.count("long")) == (40, 160)
