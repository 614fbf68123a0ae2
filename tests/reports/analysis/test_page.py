"""The page, the tables and the pictures of an analysis, also when every name and every text is hostile."""

import re

import pytest

from finkd.corpora.sentence import Sentence
from finkd.reports.analysis.charts import curves, dots
from finkd.reports.analysis.page import build, render, summary
from finkd.reports.analysis.tables import MOST, interval, shown, tables
from finkd.reports.table import plain
from finkd.tokenization.analysis import Candidate, Encoder, Estimate, Text, measure
from tests.reports.hostile import HOSTILE
from tests.reports.pages.reader import read
from tests.reports.svg import words
from tests.toys import TEXTS, handmade, trained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def analysis():
    """Two corpora, one labelled; a reference, a given tokenizer and a sweep of two algorithms."""
    swept = [("wordpiece", size) for size in (110, 150, 200, 260)] + [("bpe", size) for size in (270, 320, 400)]
    candidates = [
        Candidate(handmade("teacher", "the", "rate", "##s", "bank", lowercase=True), "reference"),
        Candidate(trained("unigram", True, 160), name="given"),
        *(Candidate(trained(algorithm, True, size), "trained", algorithm) for algorithm, size in swept),
    ]
    tagged = [Sentence.from_words(text.split(), ["B-ORG", *["O"] * (len(text.split()) - 1)], text) for text in TEXTS]
    texts = [Text("news", "test split", tagged), Text("filings", "all lines", TEXTS[2:])]
    encoder = Encoder(parameters=50_000, width=32, rank=32, layers=2, heads=2, intermediate=64, positions=64)
    return measure(texts, candidates, width=32, encoder=encoder, limit=64)


def test_the_page_is_whole_and_needs_nothing_else(analysis):
    page = render(analysis)
    reader = read(page)
    assert page.startswith("<!DOCTYPE html>")
    assert reader.tags.isdisjoint({"script", "iframe", "link", "img", "object", "form"})
    assert not re.search(r"https?:|url\((?!#)|@import", page)
    text = " ".join(reader.text)
    for part in ("test split", "all lines", "Rényi", "teacher", "knee", "From one domain to another", "whole entities"):
        assert part in text
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_every_text_is_shown_cut_by_every_tokenizer_shown(analysis):
    page = render(analysis)
    assert page.count('<dl class="cut">') == len(analysis.examples) > 0
    assert page.count("<dd dir=") == len(analysis.examples) * MOST
    assert {'class="p start"', 'class="p inside"', 'class="p unknown"'} <= set(re.findall(r'class="p \w+"', page))


def test_the_same_analysis_gives_the_same_bytes(analysis, tmp_path):
    first, second = build(analysis, tmp_path / "one"), build(analysis, tmp_path / "two")
    assert [path.name for path in first] == ["analysis.json", "analysis.md", "analysis.tex", "analysis.html"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def hostile_analysis(names):
    tokenizers = [handmade(name, "a", "##b") for name in names]
    items = [Sentence.from_words([word or "-" for word in (plain(name).split() or ["-"])]) for name in names]
    texts = [Text(name, name, items) for name in names[:2]]
    candidates = [Candidate(tokenizer, "reference") for tokenizer in tokenizers]
    return measure(texts, candidates, width=8, examples=len(names))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("start", range(0, len(HOSTILE), 29))
def test_hostile_names_and_texts_stay_text(start, tmp_path):
    found = hostile_analysis(HOSTILE[start : start + 29])
    # Half a surrogate pair cannot be measured; as a name it can come from a file system.
    reader = read(render(found))
    assert reader.tags.isdisjoint({"script", "img", "style>", "b"})
    text = "".join(reader.text)
    shown_names = [plain(found.vocabularies[index].name) for index in shown(found)]
    assert all(name in text for name in shown_names)
    for path in build(found, tmp_path):
        path.read_text(encoding="utf-8")


def test_what_no_token_covers_is_seen():
    tokenizer = handmade("t", "a", "b")
    items = [Sentence("a \x07 b and some more words to fill the line, twice over", ((0, 1), (4, 5)))]
    page = render(measure([Text("t", "all", items)], [Candidate(tokenizer)], width=1))
    assert '<span class="p lost" title="no token">�</span>' in page


def test_a_long_list_of_tokenizers_is_cut_to_what_fits(analysis):
    chosen = shown(analysis)
    names = [analysis.vocabularies[index].name for index in chosen]
    knees = {curve.tokenizers[curve.sizes.index(curve.knee)] for curve in analysis.curves if curve.knee}
    assert len(chosen) == MOST
    assert names[:2] == ["teacher", "given"]
    assert set(names[2:]) <= knees
    assert "5 further tokenizers are left out below" in render(analysis)


def test_the_sweep_shows_all_sizes_with_the_knee_in_bold(analysis):
    (table,) = [table for table in tables(analysis) if table.name == "sweep"]
    assert len(table.rows) == 7
    strong = {(row[0].value, row[1].value) for row in table.rows if row[1].strong}
    assert strong == {(c.algorithm, c.knee) for c in analysis.curves if c.corpus == "news" and c.knee}


def test_an_unlabelled_corpus_has_no_rows_of_entities(analysis):
    first, second = (table for table in tables(analysis) if table.name == "figures")
    assert "whole entities (%)" in {row[0].text for row in first.rows}
    assert "whole entities (%)" not in {row[0].text for row in second.rows}
    assert [table.title for table in tables(analysis) if table.name == "entities"] == ["Entities of news"]


def test_one_tokenizer_and_one_text_make_a_page_too():
    alone = measure([Text("t", "all", ["Acme lent money."])], [Candidate(trained("bpe", True, 400))], width=8)
    text = " ".join(read(render(alone)).text)
    assert "Without intervals" in text
    assert "How large" not in text


def test_the_summary_says_what_the_figures_say(analysis):
    text = summary(analysis)
    profile = analysis.of_corpus("news")[1]
    assert f"given, of 160 entries, spends {profile.fertility.value:.2f}: texts" in text
    assert "On filings, teacher spends" in text
    assert "\n" not in text


def test_an_interval_is_shown_in_brackets():
    assert interval(Estimate(0.5, 0.25, 0.75), 1, 0.01).text == "50.0 [25.0–75.0]"
    assert interval(Estimate(2.0), 2).text == "2.00"
    assert interval(None, 2).value is None


def test_pictures_name_what_they_show(analysis):
    text = words(curves(analysis))
    for part in ("wordpiece", "bpe", "teacher", "tokens per word", "entries of the vocabulary"):
        assert part in text
    series = [("one", [Estimate(1.0, 0.5, 1.5), None]), ("two", [Estimate(2.0), Estimate(3.0)])]
    text = words(dots(["first", "second"], series, "tokens"))
    assert {"first", "second", "one", "two", "tokens"} <= set(text.split())
