"""Readers: every format by hand, round trips, and a table of broken files with the line that each one gets."""

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finkd.corpora.errors import DataError, FinkdError, UnavailableError
from finkd.corpora.readers.columns import TokenColumns, read_conll, read_csv_tokens
from finkd.corpora.readers.records import read_json_spans, read_jsonl, read_parquet
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import label_names

READERS = {
    "conll": read_conll,
    "csv": read_csv_tokens,
    "jsonl": read_jsonl,
    "json": read_json_spans,
    "parquet": read_parquet,
}
words = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=6)
labelled = st.lists(
    st.tuples(words.filter(lambda word: word != "-DOCSTART-"), st.sampled_from(["O", "B-X", "B-Y"])),
    min_size=1,
    max_size=5,
).map(lambda pairs: Sentence.from_words([word for word, _ in pairs], [tag for _, tag in pairs]))
in_tmp = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_conll_columns_documents_and_schemes(tmp_path):
    head = "-DOCSTART- -X- O O\n"
    text = f"{head}\nAcme NNP - I-ORG\nCorp NNP - I-ORG\nfell VBD - O\n\n{head}Rome NNP - I-LOC\n"
    first, second = read_conll(written(tmp_path, "FIN.txt", text), scheme="IOB1")
    assert first == Sentence.from_words(["Acme", "Corp", "fell"], ["B-ORG", "I-ORG", "O"], "FIN-1")
    assert second == Sentence.from_words(["Rome"], ["B-LOC"], "FIN-2")


def test_conll_with_tabs_crlf_signature_and_gzip(tmp_path):
    text = "\ufeffa b\tB-X\r\nc\tO\r\n"
    packed = written(tmp_path, "x.conll.gz", gzip.compress(text.encode()))
    assert list(read_conll(packed)) == [Sentence.from_words(["a b", "c"], ["B-X", "O"])]


def test_words_keep_what_is_no_control_character(tmp_path):
    # A quotation mark of Windows-1252 that was read as Latin-1, a soft hyphen, a zero-width space: FiNER-ORD has all.
    (sentence,) = read_conll(written(tmp_path, "x.conll", "a\x92s\tO\nc\xadd\u200b\tO\n"))
    assert sentence.words == ("a\x92s", "c\xadd\u200b")


def test_csv_groups_rows_by_sentence(tmp_path):
    text = 'gold,token,doc,sent\nB-X,"a ""b"",",0,0\nO,c,0,0\nO,d,1,0\n'
    columns = TokenColumns("token", "gold", ("doc", "sent"), "doc")
    first, second = read_csv_tokens(written(tmp_path, "x.csv", text), columns)
    assert first == Sentence.from_words(['a "b",', "c"], ["B-X", "O"], "x-0")
    assert second.document == "x-1"


def test_csv_can_drop_orphans(tmp_path):
    path = written(tmp_path, "x.csv", "word,tag,sentence\na,I-X,0\nb,B-X,0\nc,I-X,0\n")
    (sentence,) = read_csv_tokens(path, drop_orphans=True)
    assert sentence.tags == ("O", "B-X", "I-X")


def test_jsonl_reads_both_shapes(tmp_path):
    lines = [
        {"tokens": ["Acme", "rose"], "ner_tags": ["B-ORG", "O"], "document": "d"},
        {"text": "Acme-owned mills", "spans": [{"start": 0, "end": 4, "label": "ORG"}]},
    ]
    path = written(tmp_path, "x.jsonl", "\n".join(map(json.dumps, lines)) + "\n\n")
    first, second = read_jsonl(path)
    assert first == Sentence.from_words(["Acme", "rose"], ["B-ORG", "O"], "d")
    assert second.text == "Acme-owned mills"
    assert (second.words[0], second.tags[0]) == ("Acme", "B-ORG")
    assert set(second.tags[1:]) == {"O"}


def test_json_spans(tmp_path):
    records = [{"text": "Rome  fell", "spans": [{"start": 0, "end": 4, "label": "LOC"}]}]
    (sentence,) = read_json_spans(written(tmp_path, "x.json", json.dumps(records, indent=1)))
    assert (sentence.words, sentence.tags) == (("Rome", "fell"), ("B-LOC", "O"))


def test_parquet(tmp_path):
    table = pyarrow.table({"words": [["a", "b"], ["c"]], "tags": [["S-X", "O"], ["O"]]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    first, second = read_parquet(tmp_path / "x.parquet", "BIOES")
    assert (first.tags, second.words) == (("B-X", "O"), ("c",))


@in_tmp
@given(sentences=st.lists(labelled, min_size=1, max_size=4))
def test_what_is_written_is_read(tmp_path, sentences):
    rows = ["".join(f"{w}\t{t}\n" for w, t in zip(each.words, each.tags, strict=True)) for each in sentences]
    assert list(read_conll(written(tmp_path, "x.conll", "\n".join(rows)), separator="\t")) == sentences
    records = [json.dumps({"words": each.words, "tags": each.tags}) for each in sentences]
    assert list(read_jsonl(written(tmp_path, "x.jsonl", "\n".join(records)))) == sentences
    assert list(read_json_spans(written(tmp_path, "x.json", f"[{','.join(records)}]"))) == sentences


BROKEN = [
    ("conll", "", ":1: found no words; expected one word and its tag per line"),
    ("conll", "\n \n", ":1: found no words"),
    ("conll", "a O\nb\n", ":2: found 1 column in 'b'; expected 2 as before"),
    ("conll", "a O\nb x O\n", ":2: found 3 columns in 'b x O'; expected 2 as before"),
    ("conll", "word\n", ":1: found 1 column in 'word'; expected at least 2"),
    ("conll", "a O\n\nb I-X\n", ":3: tag found 'I-X', which does not fit its neighbours"),
    ("conll", "a O\nb PER\n", ":2: tag found 'PER'; expected O, B-TYPE, I-TYPE (IOB2)"),
    ("conll", "a\tO\n\tO\n", ":2: found an empty word"),
    ("conll", b"a O\ncaf\xe9 O\n", ":2: found byte 0xe9 at offset 7, which is not UTF-8"),
    ("conll", "a O\n".encode("utf-16"), ":1: found UTF-16 or binary bytes; expected UTF-8 text"),
    ("conll.gz", b"a O\n", ":1: broken gzip"),
    ("conll.gz", gzip.compress(b"a O\n" * 999, mtime=0)[:-9], "broken gzip"),
    ("csv", "", ":1: found the columns none; expected also word, tag, sentence"),
    ("csv", "word,tag\na,O\n", ":1: found the columns word, tag; expected also sentence"),
    ("csv", "word,tag,sentence\n", ":1: found a header only; expected one word per row"),
    ("csv", "word,tag,sentence\na,O,0\nb,O\n", ":3: found 2 columns; expected 3 as in the header"),
    ("csv", "word,tag,sentence\na,I-X,0\n", ":2: tag found 'I-X'"),
    ("csv", 'word,tag,sentence\n"a"b,O,0\n', ":2: broken CSV"),
    ("jsonl", "", ":1: found no records"),
    ("jsonl", '{"words": ["a"], "tags": ["O"]}\n{oops\n', ":2: not JSON (Expecting property name"),
    ("jsonl", "[1]\n", ":1: found a list; expected an object with words and tags, or text and spans"),
    ("jsonl", '{"text": "a"}\n', ":1: found the keys text; expected words and tags, or text and spans"),
    ("jsonl", '{"words": ["a"], "tags": [3]}\n', ":1: found 3 in tags; expected text such as 'B-ORG'"),
    ("jsonl", '{"words": "a", "tags": ["O"]}\n', ":1: found text as words; expected a list of text"),
    ("jsonl", '{"words": ["a", ""], "tags": ["O", "O"]}\n', ":1: found an empty word"),
    ("jsonl", '{"words": ["a"], "tags": []}\n', ":1: found 1 word and 0 tags"),
    ("jsonl", '{"words": ["a"], "tags": ["I-X"]}\n', ":1: tag 0 found 'I-X'"),
    ("jsonl", '{"words": ["\\ud800"], "tags": ["O"]}\n', ":1: not usable JSON (found half a surrogate pair)"),
    ("jsonl", "[" * 100_000, ":1: not usable JSON"),
    ("jsonl", "1" * 5000, ":1: not usable JSON"),
    (
        "jsonl",
        '{"text": "ab", "spans": [{"start": 0, "end": 3, "label": "X"}]}',
        ":1: span (0, 3, 'X') is empty or leaves",
    ),
    ("jsonl", '{"text": "a b", "spans": [{"start": 1, "end": 2, "label": "X"}]}', ":1: span (1, 2, 'X') holds no word"),
    (
        "jsonl",
        '{"text": "ab", "spans": [{"start": "0", "end": 1, "label": "X"}]}',
        "expected whole numbers start and end",
    ),
    ("jsonl", '{"text": "ab", "spans": [{"start": 0, "end": 1}]}', "expected whole numbers start and end, and a label"),
    (
        "jsonl",
        '{"text": "ab", "spans": [{"start": 0, "end": 2, "label": "X"}, {"start": 1, "end": 2, "label": "Y"}]}',
        ":1: spans (0, 2, 'X') 'ab' and (1, 2, 'Y') 'b' overlap; expected one label for each word",
    ),
    ("json", "{}", ":1: found an object; expected a JSON list of objects"),
    ("json", "[]", ":1: found a list; expected a JSON list of objects, at least one"),
    ("json", "[\n{,}]", ":2: not JSON"),
    ("json", '[{"words": ["a"], "tags": ["O"]}, {"words": []}]', ": record 1: found the keys words"),
    ("parquet", b"PAR1 not really", ": not a parquet file"),
    ("parquet", b"", ": not a parquet file"),
    ("parquet.gz", gzip.compress(b"x" * 99, mtime=0)[:-5], ": not a parquet file"),
]


@pytest.mark.parametrize(("suffix", "content", "message"), BROKEN)
def test_broken_files_get_one_line(tmp_path, suffix, content, message):
    path = written(tmp_path, f"x.{suffix}", content)
    with pytest.raises(DataError) as caught:
        list(READERS[suffix.split(".")[0]](path))
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parquet_rows_are_named(tmp_path):
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"words": [["a"], None], "tags": [["O"], ["O"]]}), path)
    with pytest.raises(DataError, match=r"row 1: found the keys words, tags"):
        list(read_parquet(path))
    pyarrow.parquet.write_table(pyarrow.table({"words": [], "tags": []}), path)
    with pytest.raises(DataError, match="found no records"):
        list(read_parquet(path))


@pytest.mark.parametrize("suffix", READERS)
def test_missing_files_and_folders_are_unavailable(tmp_path, suffix):
    for path in (tmp_path / f"none.{suffix}", tmp_path):
        with pytest.raises(UnavailableError, match="cannot read"):
            list(READERS[suffix](path))


@pytest.mark.parametrize("suffix", READERS)
@in_tmp
@given(content=st.one_of(st.binary(max_size=80), st.text('"{}[],:\\ tagswordO\n\t', max_size=60).map(str.encode)))
def test_any_bytes_give_sentences_or_one_line(tmp_path, suffix, content):
    path = written(tmp_path, f"x.{suffix}", content)
    message = ""
    sentences = []
    try:
        sentences = list(READERS[suffix](path))
    except FinkdError as error:
        message = str(error)
    assert bool(sentences) != bool(message)
    assert message == "" or (message.startswith(str(path)) and "\n" not in message)
    assert all(set(each.tags) <= set(label_names(tag[2:] for tag in each.tags)) for each in sentences)
