"""Labelled and raw text files with one kind of damage each, of which the right answer is known."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from finkd.corpora import entities, load
from finkd.corpora.text.streams import text_records
from tests.hostile.case import Case, Refusal, Unknown

TYPES = ("ORG", "PER", "LOC", "Financial Entity", "creative-work")
STEMS = (
    *("Corvane", "Oslo", "Mérieux", "rose", "fell", "bonds", "U.S.", "3.5%", "Zürich", "上海", "don't", "Q3"),
    *("émigré", "€5m"),
)
HIDDEN = ("\u00a0", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202e", "\ufe0f", "\u3164", "\u3000")
LINE_CONTROLS = ("\v", "\f", "\x1c", "\x1d", "\x1e", "\x7f", "\x85", "\u2028", "\u2029", "\x00", "\x01")
ODD_WORDS = ("\x92", "\u200b", "\u00ad", "\ufffd", "\ue071", "🚀", "\u0301", '"', ",")
ILLEGAL = (
    *("B- ORG", "B -ORG", "B-Financial  Entity", "B-\tORG", "B-", "I-Nothing", "B_ORG", "b-ORG", "ORG", "0", "S-ORG"),
    *("o", "-ORG", "BB-ORG", "B-" + "X" * 201, "B-" + "X" * 4000),
)
CONLL = ("conll", "txt")
RECORDS = ("jsonl", "json", "parquet")
FORMATS = (*CONLL, "csv", *RECORDS)


@dataclass(frozen=True)
class Row:
    """One sentence as it is written: words with tags."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


Rows = list[Row]
Tagged = tuple[tuple[str, ...], tuple[str, ...]]


def generate(random: Random, folder: Path) -> Case:
    """One damaged file, or a folder that holds it as its training split."""
    family = random.choice(FAMILIES)
    return family(random, folder)


def good(random: Random, least: int = 2) -> Rows:
    rows = []
    for _ in range(random.randint(least, 5)):
        tags = []
        for type_ in random.choices((*TYPES[:4], *[""] * 4), k=random.randint(1, 4)):
            tags += [f"B-{type_}", *[f"I-{type_}"] * random.randint(0, 2)] if type_ else ["O"]
        rows.append(Row(tuple(random.choices(STEMS, k=len(tags))), tuple(tags)))
    first = rows[0]
    rows[0] = replace(first, words=("Acme", *first.words), tags=("B-ORG", *first.tags))
    return rows


def as_conll(rows: Rows, end: str = "\n", separator: str = "\t") -> bytes:
    return end.join(
        "".join(f"{word}{separator}{tag}{end}" for word, tag in zip(row.words, row.tags, strict=True)) for row in rows
    ).encode("utf-8", "surrogatepass")


def as_csv(rows: Rows, end: str = "\n") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(["word", "tag", "sentence"])
    for number, row in enumerate(rows):
        writer.writerows([word, tag, number] for word, tag in zip(row.words, row.tags, strict=True))
    return text.getvalue().encode("utf-8", "surrogatepass")


def record(row: Row) -> dict[str, Any]:
    return {"words": list(row.words), "tags": list(row.tags)}


def as_jsonl(records: list[Any], end: str = "\n") -> bytes:
    return "".join(json.dumps(each, ensure_ascii=False) + end for each in records).encode("utf-8", "surrogatepass")


def as_parquet(records: list[Any]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), sink)
    return bytes(sink.getvalue())


def content(rows: Rows, kind: str) -> bytes:
    if kind in CONLL:
        return as_conll(rows)
    if kind == "csv":
        return as_csv(rows)
    return records_content([record(row) for row in rows], kind)


def records_content(records: list[Any], kind: str) -> bytes:
    if kind == "jsonl":
        return as_jsonl(records)
    return as_parquet(records) if kind == "parquet" else json.dumps(records, ensure_ascii=False).encode()


def seen(sentences: Any) -> list[Tagged]:
    return [(sentence.words, sentence.tags) for sentence in sentences]


def expected(rows: Rows) -> list[Tagged]:
    return [(row.words, row.tags) for row in rows]


def case(
    random: Random, folder: Path, name: str, kind: str, raw: bytes, right: Any, *, mention: bool = True, **options: Any
) -> Case:
    """A case that loads a file, alone or as the training split of a folder, packed or not."""
    packed = random.random() < 0.25
    path = folder / f"train.{kind}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(raw, mtime=0) if packed else raw)
    source, split = (folder, "train") if random.random() < 0.5 else (path, "all")
    return Case(
        f"{kind}: {name}", lambda: seen(load(source, **options).splits[split]), right, ("train.",) if mention else ()
    )


def at(random: Random, text: str, inserted: str, *, edges: bool = True) -> str:
    place = random.randint(0, len(text)) if edges else random.randint(1, len(text) - 1)
    return text[:place] + inserted + text[place:]


def with_change(random: Random, rows: Rows, change: Callable[[str, str], tuple[str, str]]) -> Rows:
    """The rows with one word and its tag changed."""
    which = random.randrange(len(rows))
    row = rows[which]
    place = random.randrange(len(row.words))
    word, tag = change(row.words[place], row.tags[place])
    words = (*row.words[:place], word, *row.words[place + 1 :])
    tags = (*row.tags[:place], tag, *row.tags[place + 1 :])
    return [*rows[:which], replace(row, words=words, tags=tags), *rows[which + 1 :]]


def untouched(random: Random, folder: Path) -> Case:
    kind, rows = random.choice(FORMATS), good(random)
    return case(random, folder, "as it should be", kind, content(rows, kind), expected(rows))


def line_ends(random: Random, folder: Path) -> Case:
    kind, rows = random.choice((*CONLL, "csv", "jsonl")), good(random)
    end = random.choice(("\r\n", "\r"))
    writers = {"csv": as_csv, "jsonl": lambda rows, end: as_jsonl([record(row) for row in rows], end)}
    raw = writers.get(kind, as_conll)(rows, end)
    return case(random, folder, f"lines end in {end!r}", kind, raw, expected(rows) if end == "\r\n" else Refusal)


def space_around_tag(random: Random, folder: Path) -> Case:
    kind, rows = random.choice(FORMATS), good(random)
    space = random.choice((" ", "  ", "   "))
    padded = with_change(random, rows, lambda word, tag: (word, random.choice((space + tag, tag + space))))
    return case(random, folder, "spaces around a tag", kind, content(padded, kind), expected(rows))


CELLS: dict[str, tuple[Sequence[str], Callable[[Random, str, str, str], tuple[str, str]], Any]] = {
    "in a tag": ((*HIDDEN, "\x80", "\x9f", "\u2028"), lambda r, word, tag, odd: (word, at(r, tag, odd)), Refusal),
    "as a tag": (ILLEGAL, lambda r, word, tag, odd: (word, odd), Refusal),
    "in a word": ((*LINE_CONTROLS, *"\t\n\r"), lambda r, word, tag, odd: (f"a{odd}{word}", tag), Refusal),
    "as a word": (("", " ", "  ", "\u00a0"), lambda r, word, tag, odd: (odd, tag), Refusal),
    "within a word": (ODD_WORDS, lambda r, word, tag, odd: (f"a{odd}{word}", tag), None),
}
"""Where -> odd texts, how a cell is changed by one, and what is expected; ``None`` stands for what was written."""


def odd_cell(random: Random, folder: Path) -> Case:
    kind, where = random.choice(FORMATS), random.choice(sorted(CELLS))
    texts, changed, right = CELLS[where]
    odd = random.choice(texts)
    if where == "in a word" and kind in CONLL and odd in "\t\n":
        odd = "\v"
    rows = with_change(random, good(random), lambda word, tag: changed(random, word, tag, odd))
    return case(random, folder, f"{odd[:20]!r} {where}", kind, content(rows, kind), right or expected(rows))


def normal_forms(random: Random, folder: Path) -> Case:
    kind = random.choice(FORMATS)
    rows = [Row(("Acme", "rose"), ("B-Soci\u00e9t\u00e9", "O")), Row(("Bo", "Co"), ("O", "B-Soci\u00e9t\u00e9"))]
    split = [rows[0], replace(rows[1], tags=("O", "B-Socie\u0301te\u0301"))]
    return case(random, folder, "a label in two normal forms", kind, content(split, kind), expected(rows))


def docstart(random: Random, folder: Path) -> Case:
    rows = good(random)
    separator = random.choice(("\t", " "))
    if separator == " ":
        rows = [replace(row, tags=tuple(tag.replace(" ", "") for tag in row.tags)) for row in rows]
    line = random.choice(("-DOCSTART-", "-DOCSTART- -X- O O", "-DOCSTART-\tO", " -DOCSTART- O", "\ufeff-DOCSTART- O"))
    raw = b"\n".join(f"{line}\n\n".encode() + as_conll([row], separator=separator) for row in rows)
    path = folder / "x.conll"
    path.write_bytes(raw)

    def documents() -> list[Any]:
        return [(sentence.document, sentence.words, sentence.tags) for sentence in load(path).splits["all"]]

    right = [(f"x-{number}", row.words, row.tags) for number, row in enumerate(rows, start=1)]
    return Case(f"conll: {line!r} between {separator!r}", documents, right, ("x.conll",))


def joined_signatures(random: Random, folder: Path) -> Case:
    rows = good(random)
    raw = b"\n".join(b"\xef\xbb\xbf" + as_conll([row]) for row in rows)
    return case(random, folder, "signatures of joined files", random.choice(CONLL), raw, expected(rows))


def encodings(random: Random, folder: Path) -> Case:
    kind, rows = random.choice((*CONLL, "csv", "jsonl", "json")), good(random)
    rows = [*rows, Row(("Mérieux",), ("B-ORG",))]
    encoding = random.choice(("utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-32", "utf-8-sig"))
    raw = content(rows, kind).decode().encode(encoding, "replace")
    return case(random, folder, f"in {encoding}", kind, raw, expected(rows) if encoding == "utf-8-sig" else Refusal)


def csv_headers(random: Random, folder: Path) -> Case:
    rows = good(random)
    header = random.choice(
        ("Word,tag,sentence", "word,tag", "word,tag,tag,sentence", "word;tag;sentence", "", " word,tag,sentence")
    )
    raw = as_csv(rows).replace(b"word,tag,sentence", header.encode(), 1)
    return case(random, folder, f"the header {header!r}", "csv", raw, Refusal)


def csv_gaps(random: Random, folder: Path) -> Case:
    lines = as_csv([Row(("Acme", "rose", "again"), ("B-ORG", "O", "O")), *good(random)]).decode().splitlines()
    lines[2] = lines[2].rpartition(",")[0] + "," + random.choice(("", " "))
    return case(random, folder, "a row without its sentence", "csv", "\n".join(lines).encode(), Refusal)


def documents(random: Random, folder: Path) -> Case:
    kind = random.choice(RECORDS)
    names = random.choice(((0, 1), ("0", "1"), ("", "a"), ("a ", "a"), (None, 0)))
    records = [{"words": ["Acme"], "tags": ["B-ORG"], "document": name} for name in names]
    path = folder / f"x.{kind}"
    path.write_bytes(records_content(records, kind))

    def found() -> list[str]:
        return [sentence.document for sentence in load(path).splits["all"]]

    right = ["" if name is None else str(name).strip() for name in names]
    return Case(f"{kind}: documents {names!r}", found, right, (path.name,))


def answers(random: Random, folder: Path) -> Case:
    kind, rows = random.choice(("jsonl", "json")), good(random, least=3)
    marks = [random.choice(("accept", "reject", "ignore")) for _ in rows]
    marks[0] = "accept"
    records = [{**record(row), "answer": mark} for row, mark in zip(rows, marks, strict=True)]
    right = expected([row for row, mark in zip(rows, marks, strict=True) if mark == "accept"])
    return case(random, folder, "answers of Prodigy", kind, records_content(records, kind), right)


SENTENCES = (
    ("{} Bank rose again.", "Corvane"),
    ("Shares of {} fell.", "Mérieux Group"),
    ("Yesterday {} lent money.", "Oslo Pension"),
    ("Analysts expect that {} pays.", "Dana Ferris"),
)


UNITS: dict[str, Callable[[str, int], int]] = {
    "characters": lambda text, place: place,
    "utf16": lambda text, place: len(text[:place].encode("utf-16-le")) // 2,
    "bytes": lambda text, place: len(text[:place].encode()),
}


def entity_texts(path: Path, unit: str = "characters") -> list[list[str]]:
    return [
        [s.text[s.spans[e.start][0] : s.spans[e.end - 1][1]] for e in entities(s.tags)]
        for s in load(path, offsets=unit).splits["all"]
    ]


def right_units(random: Random, folder: Path) -> Case:
    unit, kind = random.choice(tuple(UNITS)), random.choice(RECORDS)
    prefix, records, right = random.choice(("", "🚀 ", "🚀🚀 ", "é ", "\ufeff ", "\t\n ")), [], []
    for frame, entity in random.choices(SENTENCES, k=random.randint(2, 6)):
        text = prefix + frame.format(entity)
        at = text.index(entity)
        span = {"start": UNITS[unit](text, at), "end": UNITS[unit](text, at + len(entity)), "label": "X"}
        records.append({"text": text, "spans": [span] * random.randint(1, 3)})
        right.append([entity])
    path = folder / f"x.{kind}"
    path.write_bytes(records_content(records, kind))

    return Case(f"{kind}: offsets in {unit}", lambda: entity_texts(path, unit), right, (path.name,))


def brat(random: Random, folder: Path) -> Case:
    frame, entity = random.choice(SENTENCES)
    unit, text = random.choice(tuple(UNITS)), random.choice(("", "🚀 ")) + frame.format(entity)
    start, end = text.index(entity), text.index(entity) + len(entity)
    first, last = UNITS[unit](text, start), UNITS[unit](text, end)
    line, right = random.choice(
        (
            (f"T1\tX {first} {last}\t{entity}", [entity]),
            (f"R1\tLent Arg1:T1 Arg2:T2\nT1\tX {first} {last}\t{entity}\n#1\tAnnotatorNotes T1\tsure", [entity]),
            (f"T1\tX {last} {first}\t{entity}", Refusal),
            (f"T1\tX {first} {first};{first + 1} {last}\t{entity}", Refusal),
            (f"T1\tX {first}\t{entity}", Refusal),
            (f"T1\tX {first} {last} {last}\t{entity}", Refusal),
            (f"T1\tX {first} {'9' * 5000}\t{entity}", Refusal),
            (f"T1\tX -1 {last}\t{entity}", Refusal),
            (f"T1 X {first} {last} {entity}", Refusal),
            (at(random, f"T1\tX {first} {last}\t{entity}", random.choice((*LINE_CONTROLS, "9", ";", " "))), Unknown),
            (f"T1\tX {random.randint(0, 3)} {random.randint(1, 60)}\t{entity}", Unknown),
        )
    )
    path = folder / "x.ann"
    path.write_text(line + "\n")
    path.with_suffix(".txt").write_text(text + "\n")
    return Case(f"brat: {line[:60]!r}", lambda: entity_texts(path, unit)[0], right, (path.name, "x.txt"))


WEBANNO = """#FORMAT=WebAnno TSV 3.3
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value


#Text=Corvane rose.
#Text=Oslo fell.
1-1\t0-7\tCorvane\t_\tX\\_Y[1]\t
1-2\t8-12\trose\t_\t_\t
1-3\t14-18\tOslo\t*\tX\t
1-4\t19-23\tfell\t_\t_\t
"""


def webanno(random: Random, folder: Path) -> Case:
    name, raw, right = random.choice(
        (
            ("as it should be", WEBANNO, ["Corvane", "Oslo"]),
            ("a part of a word", WEBANNO.replace("1-4", "1-3.1\t14-15\tO\t*\tX\n1-4"), Refusal),
            ("two labels", WEBANNO.replace("\tX\t", "\tX|Y[2]\t"), Refusal),
            ("another word", WEBANNO.replace("\trose", "\trises"), Refusal),
            ("no layer", WEBANNO.replace("NamedEntity", "Other"), Refusal),
            ("an odd character", at(random, WEBANNO, random.choice((*LINE_CONTROLS, *"|[]\\_*;\t\n"))), Unknown),
            ("cut off", WEBANNO[: random.randint(len("#FORMAT=WebAnno TSV 3"), len(WEBANNO))], Unknown),
        )
    )
    path = folder / "x.tsv"
    path.write_text(raw)
    return Case(f"webanno: {name}", lambda: entity_texts(path)[0], right, (path.name,))


def cut_off(random: Random, folder: Path) -> Case:
    kind = random.choice(("jsonl", "json", "parquet"))
    raw = content(good(random), kind)
    cut = raw[: random.randint(1, len(raw) - (3 if kind == "jsonl" else 1))]
    right = Unknown if kind == "jsonl" else Refusal  # JSON lines may end after a whole record
    return case(random, folder, "cut off", kind, cut, right)


def flipped_bytes(random: Random, folder: Path) -> Case:
    kind = random.choice(FORMATS)
    raw = bytearray(content(good(random), kind))
    for _ in range(random.randint(1, 20)):
        place = random.randrange(len(raw))
        raw[place] = random.randrange(256)
    return case(random, folder, "random bytes", kind, bytes(raw), Unknown, mention=False)


def odd_tables(random: Random, folder: Path) -> Case:
    import pyarrow
    import pyarrow.parquet

    words = pyarrow.array([["Acme", "rose"]])
    name, tags = random.choice(
        (
            ("whole numbers", pyarrow.array([[3, 0]])),
            ("bytes", pyarrow.array([[b"O", b"\xff"]], pyarrow.list_(pyarrow.binary()))),
            ("null", pyarrow.array([None], pyarrow.list_(pyarrow.string()))),
            ("nulls within", pyarrow.array([["O", None]])),
            ("text", pyarrow.array(["O O"])),
            ("maps", pyarrow.array([[("O", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int32()))),
            ("nested lists", pyarrow.array([[["O"], ["O"]]])),
            ("times", pyarrow.array([[1, 2]], pyarrow.list_(pyarrow.timestamp("ns")))),
        )
    )
    path = folder / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"words": words, "tags": tags}), path)
    return Case(f"parquet: tags are {name}", lambda: seen(load(path).splits["all"]), Refusal, (path.name,))


def encoded_tables(random: Random, folder: Path) -> Case:
    import pyarrow
    import pyarrow.parquet

    rows = good(random)
    words, tags = ([list(getattr(row, part)) for row in rows] for part in ("words", "tags"))
    kinds = (pyarrow.list_(pyarrow.large_string()), pyarrow.large_list(pyarrow.string()))
    types = random.choice(kinds), random.choice(kinds)
    table = pyarrow.table({"words": pyarrow.array(words, types[0]), "ner_tags": pyarrow.array(tags, types[1])})
    odd = pyarrow.array([1 << 62] * len(rows), pyarrow.timestamp("ns"))
    path = folder / "x.parquet"
    pyarrow.parquet.write_table(
        table.append_column("seen", odd), path, compression=random.choice(("gzip", "zstd", "snappy"))
    )
    return Case("parquet: other column types", lambda: seen(load(path).splits["all"]), expected(rows), (path.name,))


def raw_text(random: Random, folder: Path) -> Case:
    inner = random.choice(("\t", "\f", "\v", "\x85", "\u2028", "\u00a0", "\ufeff", "\x07", "🚀"))
    texts = [f"{random.choice(STEMS)}{inner}{random.choice(STEMS)}" for _ in range(random.randint(2, 4))]
    kind, end = random.choice(("txt", "jsonl", "csv")), random.choice(("\n", "\r\n", "\r"))
    lines = {
        "txt": texts,
        "jsonl": [json.dumps({"text": text}) for text in texts],
        "csv": ["id,text", *(f'{number},"{text}"' for number, text in enumerate(texts))],
    }[kind]
    path = folder / f"x.{kind}"
    path.write_bytes("".join(line + end for line in lines).encode())
    right = Refusal if end == "\r" else texts
    name = f"text in {kind}: {inner!r} within, lines end in {end!r}"
    return Case(name, lambda: [each["text"] for each in text_records(path)], right, (path.name,))


def broken_text_records(random: Random, folder: Path) -> Case:
    name, raw = random.choice(
        (
            ("x.jsonl", b'{"text": 1}\n'),
            ("x.jsonl", b'{"body": "a"}\n'),
            ("x.jsonl", b'{"text": "a", "text": "b"}\n'),
            ("x.jsonl", b'{"text": "\\udfff"}\n'),
            ("x.jsonl", b'{"text": "a", "deep": ' + b"[" * 500 + b"]" * 500 + b"}\n"),
            ("x.csv", b"text,text\na,b\n"),
            ("x.csv", b"body\na\n"),
            ("x.csv", b'text\n"a\n'),
            ("x.csv", b"text,id\na\n"),
            ("x.txt", b"a\n\xff\n"),
            ("x.txt.gz", b"a\n"),
        )
    )
    path = folder / name
    path.write_bytes(raw)
    return Case(f"text in {name}: {raw[:40]!r}", lambda: list(text_records(path)), Refusal, (name,))


FAMILIES: tuple[Callable[[Random, Path], Case], ...] = (
    *(untouched, line_ends, *[odd_cell] * 7, space_around_tag, normal_forms, docstart, joined_signatures, encodings),
    *(csv_headers, csv_gaps, documents, answers, right_units, brat, webanno, cut_off, flipped_bytes, odd_tables),
    *(encoded_tables, raw_text, broken_text_records),
)
