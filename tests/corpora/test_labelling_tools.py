"""Exports of labelling tools: what each looks like, and what is refused by name."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from finkd import corpora
from finkd.corpora.errors import DataError, UnavailableError
from finkd.corpora.loading import is_labelled
from finkd.corpora.tags import entities

TEXT = "Acme Corp lent Jane Miller money."
EXPECTED = [("Acme Corp", "ORG"), ("Jane Miller", "PER")]


def label_studio(**changed):
    labels = [
        {
            "type": "labels",
            "from_name": "label",
            "to_name": "text",
            "value": {"start": start, "end": end, "text": TEXT[start:end], "labels": [name]},
        }
        for start, end, name in ((0, 9, "ORG"), (15, 26, "PER"))
    ]
    relation = {"type": "relation", "from_id": "a", "to_id": "b"}
    annotation = {"id": 1, "was_cancelled": False, "ground_truth": False, "result": [*labels, relation]}
    return {"id": 7, "data": {"text": TEXT}, "annotations": [annotation], "predictions": [], **changed}


RECORDS = {
    "Prodigy": {
        "text": TEXT,
        "answer": "accept",
        "spans": [{"start": 0, "end": 9, "label": "ORG"}, {"start": 15, "end": 26, "label": "PER"}],
    },
    "Label Studio": label_studio(),
    "Label Studio, another field": label_studio(data={"id": 3, "body": TEXT}),
    "Label Studio, JSON-MIN": {
        "id": 7,
        "text": TEXT,
        "label": [
            {"start": 0, "end": 9, "text": "Acme Corp", "labels": ["ORG"]},
            {"start": 15, "end": 26, "labels": ["PER"]},
        ],
    },
    "doccano": {"id": 1, "text": TEXT, "label": [[0, 9, "ORG"], [15, 26, "PER"]], "Comments": []},
    "doccano, with relations": {
        "id": 1,
        "text": TEXT,
        "entities": [
            {"id": 4, "label": "ORG", "start_offset": 0, "end_offset": 9},
            {"id": 5, "label": "PER", "start_offset": 15, "end_offset": 26},
        ],
        "relations": [{"id": 1, "from_id": 4, "to_id": 5, "type": "lent"}],
    },
    "spaCy's triples": {"text": TEXT, "entities": [[0, 9, "ORG"], [15, 26, "PER"]]},
}


def found_in(path, offsets="characters"):
    (sentences,) = corpora.load(path, offsets=offsets).splits.values()
    return [
        (" ".join(sentence.words[entity.start : entity.end]), entity.type)
        for sentence in sentences
        for entity in entities(sentence.tags)
    ]


@pytest.mark.parametrize("tool", RECORDS)
@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_records_are_read(tool, suffix, tmp_path):
    path = tmp_path / f"export{suffix}"
    record = RECORDS[tool]
    path.write_text(json.dumps(record) + "\n" if suffix == ".jsonl" else json.dumps([record]))
    assert found_in(path) == EXPECTED


@pytest.mark.parametrize(
    "record",
    [
        {**RECORDS["doccano"], "entities": []},
        {**RECORDS["doccano"], "labels": ["sad"]},
        {"text": TEXT, "label": ["sad"], "entities": RECORDS["doccano"]["label"]},
        {"text": TEXT, "label": [], "entities": RECORDS["doccano"]["label"]},
    ],
)
def test_the_list_that_holds_entities_is_read(record, tmp_path):
    path = tmp_path / "export.jsonl"
    path.write_text(json.dumps(record) + "\n")
    assert found_in(path) == EXPECTED
    assert is_labelled(path)


def test_classes_beside_no_entities_are_none(tmp_path):
    path = tmp_path / "export.jsonl"
    records = [{"text": TEXT, "label": ["sad"], "entities": []}, RECORDS["doccano"]]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert found_in(path) == EXPECTED


@pytest.mark.parametrize("key", ["label", "labels", "entities"])
def test_a_table_holds_them_under_the_same_keys(key, tmp_path):
    path = tmp_path / "export.parquet"
    spans = RECORDS["Prodigy"]["spans"]
    parquet.write_table(pyarrow.Table.from_pylist([{"text": TEXT, key: spans}]), path)
    assert found_in(path) == EXPECTED


def test_a_text_of_json_min_without_entities_has_no_spans(tmp_path):
    path = tmp_path / "export.json"
    made = {"annotator": 1, "annotation_id": 11}
    path.write_text(json.dumps([{"id": 8, "text": "Nothing here.", **made}, RECORDS["Label Studio, JSON-MIN"]]))
    assert found_in(path) == EXPECTED
    assert [sentence.text for sentence in corpora.load(path).splits["all"]] == ["Nothing here.", TEXT]
    path.write_text(json.dumps([{"id": 8, "text": TEXT, "ner": [{"start": 0, "end": 4, "labels": ["ORG"]}], **made}]))
    with pytest.raises(DataError, match="found the keys id, text, ner"):
        corpora.load(path)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            label_studio(annotations=label_studio()["annotations"] * 2),
            "found 2 annotations; expected one, mark it as ground truth",
        ),
        (label_studio(data={"id": 3}), "found no text under data"),
        (label_studio(annotations=[{"result": [{"type": "hypertextlabels", "value": {}}]}]), "labels of HTML"),
        (
            label_studio(
                annotations=[{"result": [{"type": "labels", "value": {"start": 0, "end": 4, "labels": ["A", "B"]}}]}]
            ),
            "for one entity; expected one",
        ),
        ({"text": TEXT, "label": [[0, 9]]}, "as a span"),
        ({"text": TEXT, "label": ["positive"]}, "as a span"),
        ({"text": TEXT, "entities": [{"label": "ORG", "start_offset": 0}]}, "whole numbers start and end"),
    ],
)
def test_what_is_wrong_is_said_with_the_line(record, said, tmp_path):
    path = tmp_path / "export.jsonl"
    path.write_text(json.dumps(RECORDS["doccano"]) + "\n" + json.dumps(record) + "\n")
    with pytest.raises(DataError, match=rf"^{path}:2: .*{said}"):
        corpora.load(path)


HEADLINE = "Acme Corp of Boston cut its guidance for the full year again"


def two_texts(spans=((0, 9, "ORG"), (15, 26, "PER")), text=TEXT, unit="utf-16-le", **data):
    """A task whose Text tag is called like neither text."""
    raw = text.encode(unit)
    values = [
        {"start": start, "end": end, "text": raw[2 * start : 2 * end].decode(unit), "labels": [label]}
        for start, end, label in spans
    ]
    results = [{"type": "labels", "to_name": "shown", "value": value} for value in values]
    return {"data": {"title": HEADLINE, "body": text, **data}, "annotations": [{"result": results}]}


@pytest.mark.parametrize(
    ("tasks", "offsets"),
    [
        ([two_texts(), two_texts((), "Nothing here.")], "characters"),
        ([two_texts((), "Nothing here."), two_texts()], "characters"),
        ([two_texts(((3, 12, "ORG"), (18, 29, "PER")), f"🚀 {TEXT}")], "utf16"),
        ([two_texts(summary="")], "characters"),
    ],
)
def test_of_several_texts_the_labelled_one_is_read(tasks, offsets, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    assert found_in(path, offsets) == EXPECTED
    texts = {each.text for each in corpora.load(path, offsets=offsets).splits["all"]}
    assert texts == {task["data"]["body"] for task in tasks}


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([two_texts(body="Quite another text, much changed.")], "labelled words in none of them"),
        ([two_texts(spans=((0, 9, "ORG"),))], "labelled words in title, body"),
    ],
)
def test_texts_among_which_nothing_decides_are_named(tasks, said, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    with pytest.raises(DataError, match=f"^{path}: found the texts title, body under data, and the {said}; expected"):
        corpora.load(path)


def test_of_several_annotations_the_true_one_counts(tmp_path):
    true, other = label_studio()["annotations"][0], {"result": []}
    path = tmp_path / "export.json"
    path.write_text(json.dumps([label_studio(annotations=[other, {**true, "ground_truth": True}])]))
    assert found_in(path) == EXPECTED


def test_what_nobody_finished_is_left_out_with_a_warning(tmp_path, caplog):
    path = tmp_path / "export.json"
    cancelled = label_studio(annotations=[{**label_studio()["annotations"][0], "was_cancelled": True}])
    rejected = {**RECORDS["Prodigy"], "answer": "reject"}
    path.write_text(json.dumps([label_studio(), cancelled, label_studio(annotations=[]), rejected]))
    assert found_in(path) == EXPECTED
    assert "left out 2 with the answer 'cancelled' and 1 with the answer 'reject'; 1 record left" in caplog.text


@pytest.mark.parametrize(
    ("tool", "one", "other"),
    [
        ("Label Studio, JSON-MIN", {"annotation_id": 11, "annotator": 1}, {"annotation_id": 12, "annotator": 2}),
        ("Prodigy", {"_input_hash": -5, "_annotator_id": "x"}, {"_input_hash": -5, "_annotator_id": "y"}),
    ],
)
def test_two_annotators_have_to_agree(tool, one, other, tmp_path):
    path = tmp_path / "export.jsonl"
    key = "label" if "label" in RECORDS[tool] else "spans"
    record, spans = RECORDS[tool], RECORDS[tool][key]
    alike = [{**record, **one}, {**record, **other, key: spans[::-1]}]
    path.write_text("".join(json.dumps(each) + "\n" for each in alike))
    assert found_in(path) == EXPECTED
    path.write_text("".join(json.dumps(each) + "\n" for each in (*alike, {**record, **other, key: spans[:1]})))
    with pytest.raises(DataError, match=rf"^{path}:3: labels the text of {path}:1 otherwise; expected one annotation"):
        corpora.load(path)
    path.write_text("".join(json.dumps({**each, "answer": "ignore"}) + "\n" for each in alike) + json.dumps(alike[0]))
    assert found_in(path) == EXPECTED


BRAT = """T1\tORG 0 9\tAcme Corp
T2\tPER 15 26\tJane Miller
R1\tLent Arg1:T1 Arg2:T2
#1\tAnnotatorNotes T1\tsure
T3\tORG 34 39\tBravo
"""


def test_brat(tmp_path):
    (tmp_path / "all.txt").write_text(f"{TEXT}\nBravo fell.\n")
    (tmp_path / "all.ann").write_text(BRAT)
    assert found_in(tmp_path / "all.ann") == [*EXPECTED, ("Bravo", "ORG")]
    for split in ("train", "test"):
        (tmp_path / f"{split}.txt").write_text(f"{TEXT}\nBravo fell.\n")
        (tmp_path / f"{split}.ann").write_text(BRAT)
    assert sorted(corpora.load(tmp_path).splits) == ["test", "train"]


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        ("T1\tORG 0 4;5 9\tAcme Corp\n", r"all.ann:1: found an entity with a gap \(0 4;5 9\)"),
        ("T1\tORG 27 39\tmoney. Bravo\n", "leaves the text"),
        ("T1\tORG 90 90\t\n", r"all.ann: found an entity outside of every line \(\(90, 90, 'ORG'\)\)"),
        (
            "T1\tORG 0 9\tAcme Co.\n",
            "found 'Acme Co.' as the text of an entity, and 'Acme Corp' at its offsets in all.txt",
        ),
        ("T1\tORG 0 9\tAcme Co.\nT2\tORG 0 9\tAcme Corp\n", "found 'Acme Co.' as the text of an entity"),
        ("T1\tORG 5\tx\n", r"all.ann:1: found 'T1\\tORG 5\\tx'; expected an entity"),
        ("T1\tORG 1 2 3\tx\n", "all.ann:1: found"),
        ("T1\tORG 1 2\n", "all.ann:1: found"),
        (f"R1\tx\nT1\tORG 1 {'9' * 5000}\tx\n", "all.ann:2: found"),
    ],
)
def test_brat_that_does_not_fit_is_refused(annotations, said, tmp_path):
    (tmp_path / "all.txt").write_text(f"{TEXT}\nBravo fell.\n")
    (tmp_path / "all.ann").write_text(annotations)
    with pytest.raises(DataError, match=said):
        corpora.load(tmp_path / "all.ann")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_offsets_of_brat_count_the_line_ends_that_the_text_has(end, tmp_path):
    (tmp_path / "all.txt").write_bytes(end.join(["Bob left.", "", "Acme fell.", ""]).encode())
    start = 9 + 2 * len(end)
    (tmp_path / "all.ann").write_text(f"T1\tORG {start} {start + 4}\tAcme\nT2\tPER 0 3\tBob\n")
    assert found_in(tmp_path / "all.ann") == [("Bob", "PER"), ("Acme", "ORG")]


def test_offsets_of_brat_within_a_character_are_refused(tmp_path):
    (tmp_path / "all.txt").write_text("🚀 ab")
    (tmp_path / "all.ann").write_text("T1\tORG 1 3\tx\n")
    with pytest.raises(DataError, match=r"all.ann: span \(1, 3, 'ORG'\) begins or ends within a character"):
        corpora.load(tmp_path / "all.ann", offsets="utf16")


def test_brat_needs_its_text(tmp_path):
    (tmp_path / "all.ann").write_text(BRAT)
    with pytest.raises(UnavailableError, match=r"all\.txt"):
        corpora.load(tmp_path / "all.ann")


WEBANNO = """#FORMAT=WebAnno TSV 3.3
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue|coarseValue
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value


#Text=Acme Corp lent Jane Miller money\\\\.
1-1\t0-4\tAcme\tNNP\t_\t*[1]\tORG[1]
1-2\t5-9\tCorp\tNNP\t_\t*[1]\tORG[1]
1-3\t10-14\tlent\tVBD\t_\t_\t_
1-4\t15-19\tJane\tNNP\t_\t*[2]\tPER[2]
1-5\t20-26\tMiller\tNNP\t_\t*[2]\tPER[2]
1-6\t27-32\tmoney\tNN\t_\t_\t_

#Text=🏦 Bravo fell
2-1\t34-36\t🏦\tNNP\t_\t_\t_
2-2\t37-42\tBravo\tNNP\t_\t*\tORG
2-3\t43-47\tfell\tVBD\t_\t_\t_
"""


PART = "1-3.1\t10-12\tle\t_\t_\t_\t{}\n1-4\t"


def test_other_columns_with_tabs_are_conll(tmp_path):
    path = tmp_path / "all.tsv"
    path.write_text("Acme\tB-ORG\nCorp\tI-ORG\nfell\tO\n")
    assert found_in(path) == [("Acme Corp", "ORG")]


def test_webanno(tmp_path):
    path = tmp_path / "export.tsv"
    path.write_text(WEBANNO)
    assert found_in(path) == [*EXPECTED, ("Bravo", "ORG")]


def test_a_sentence_of_webanno_with_line_breaks_is_one_sentence(tmp_path):
    path = tmp_path / "export.tsv"
    broken = WEBANNO.replace(f"#Text={TEXT[:15]}", f"#Text={TEXT[:15]}\n#Text=")
    path.write_text(broken.replace("#Text=🏦", "#Text=a\\fb\n#Text=🏦"))
    assert found_in(path) == [*EXPECTED, ("Bravo", "ORG")]
    first, second = corpora.load(path).splits["all"]
    assert first.text == f"{TEXT[:15]}\n{TEXT[15:-1]}\\."
    assert second.text == "a\fb\n🏦 Bravo fell"


def test_parts_of_words_without_a_label_are_passed_over(tmp_path):
    path = tmp_path / "export.tsv"
    path.write_text(WEBANNO.replace("1-4\t", PART.format("_")))
    assert found_in(path) == [*EXPECTED, ("Bravo", "ORG")]


def test_labels_of_webanno_are_unescaped(tmp_path):
    path = tmp_path / "export.tsv"
    path.write_text(WEBANNO.replace("PER[2]", r"GPE\_LOC\|\[x\];[2]").replace("\tORG\n", "\t*[3]\n"))
    assert found_in(path) == [("Acme Corp", "ORG"), ("Jane Miller", "GPE_LOC|[x];")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (WEBANNO.replace("1-4\t", PART.format("ORG")), ":10: found the label 'ORG' for 'le', a part of a word"),
        (WEBANNO.replace("NamedEntity", "Other"), ":7: found no layer NamedEntity"),
        (WEBANNO.replace("ORG[1]", "ORG[1]|PER[3]", 1), r":7: found the labels 'ORG\[1\]\|PER\[3\]' for one word"),
        (WEBANNO.replace("\tlent\t", "\tborrowed\t"), ":9: found 'borrowed'; expected a word of the sentence's text"),
    ],
)
def test_webanno_that_does_not_fit_is_refused(content, said, tmp_path):
    path = tmp_path / "export.tsv"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        corpora.load(path)
