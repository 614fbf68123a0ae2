"""The commands beside ``finkd run``, through the real program."""

import gzip
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from finkd.experiments.commands.listing import KINDS
from finkd.reports.build import build
from tests.reports.tasks import task_records

pytestmark = pytest.mark.slow

RESULTS = Path(__file__).parents[2] / "docs" / "results"
TEXT = "Goldman Sachs lent money to Acme.  The Borrower agrees."


@pytest.fixture(scope="module")
def vocabulary(finkd, corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("vocabulary") / "domain"
    finkd("vocab", "--corpus", corpus, "--algorithm", "bpe", "--vocab-size", "280", "--cased", "--out", out, code=0)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_list_shows_every_name_with_a_summary(kind, finkd):
    rows = json.loads(finkd("list", kind, "--json").stdout)
    assert rows
    assert all(row["name"] and row["summary"] for row in rows)
    lines = [line for line in finkd("list", kind).stdout.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == [row["name"] for row in rows]


@pytest.mark.parametrize(
    ("kind", "name", "note"), [("corpora", "fire", "no paper's score"), ("tasks", "imdb", "5,000")]
)
def test_list_gives_notes_on_the_data_as_json(kind, name, note, finkd):
    rows = json.loads(finkd("list", kind, "--json").stdout)
    (notes,) = (row["notes"] for row in rows if row["name"] == name)
    assert note in notes[0]


def test_vocab_writes_a_tokenizer_that_transformers_loads(vocabulary):
    loaded = AutoTokenizer.from_pretrained(vocabulary)
    assert len(loaded) <= 280
    assert loaded.convert_ids_to_tokens(loaded("Acme")["input_ids"])[0] == "[CLS]"


@pytest.mark.parametrize("command", ["run", "tune", "serve"])
def test_help_breaks_its_lines_where_the_terminal_ends(command, finkd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    help_text, _ = finkd(command, "--help").stdout.split("Example: ")
    lines = [line.strip() for line in help_text.splitlines()]
    pairs = [(line, following) for line, following in itertools.pairwise(lines) if line and following]
    assert pairs
    assert all(len(line) + 1 + len(following.split()[0]) > 78 for line, following in pairs)


@pytest.mark.parametrize("name", ["text.txt", "text.txt.gz", "text.jsonl"])
def test_vocab_learns_from_a_file_of_text(name, finkd, tmp_path):
    line = json.dumps({"text": TEXT}) if "jsonl" in name else TEXT
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "wt") as file:
        file.write(f"{line}\n" * 3)
    finkd("vocab", "--corpus", tmp_path / name, "--vocab-size", "150", "--out", tmp_path / "out", code=0)
    assert (tmp_path / "out" / "tokenizer.json").is_file()


def test_analyze_compares_a_trained_vocabulary_on_the_held_out_split(finkd, teacher, corpus, tmp_path):
    arguments = ("--teacher", teacher, "--corpus", corpus, "--vocab-size", "120", "--out", tmp_path / "out")
    result = finkd("analyze", *arguments, code=0)
    assert "| tokens per word |" in result.stdout
    assert (tmp_path / "out" / "analysis.md").read_text() == result.stdout
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    (measured,) = found["corpora"]
    assert (measured["part"], measured["texts"], measured["words"]) == ("test split", 2, 7)
    teacher_share, student_share = (vocabulary["embedding_share"] for vocabulary in found["vocabularies"])
    assert 0 < student_share < teacher_share < 1
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".html", ".json", ".md", ".tex"]


def test_analyze_sweeps_sizes_and_shows_another_domain_in_one_call(finkd, teacher, corpus, tmp_path):
    (tmp_path / "other.txt").write_text("Quarks bind gluons.\n\n\u200b\U0001f600 \u05e9\u05dc\u05d5\u05dd\n")
    sizes = [argument for size in (90, 95, 100) for argument in ("--vocab-size", size)]
    named = ("--corpus", corpus, "--corpus", tmp_path / "other.txt", *sizes)
    result = finkd("analyze", "--teacher", teacher, *named, "--out", tmp_path / "out", code=0)
    assert "**Vocabulary sizes on" in result.stdout
    assert "**Domain shift from" in result.stdout
    page = (tmp_path / "out" / "analysis.html").read_text()
    assert "How large should the vocabulary be?" in page
    assert "http:" not in page
    assert "https:" not in page
    assert "<script" not in page


def test_analyze_takes_a_tokenizer_as_it_is(finkd, teacher, corpus):
    result = finkd("analyze", "--teacher", teacher, "--corpus", corpus, "--tokenizer", teacher, "--json")
    (shift,) = json.loads(result.stdout)["tokenizer_shifts"]
    assert shift["length_ratio"]["value"] == shift["overlap"] == shift["weighted_overlap"]["value"] == 1.0


def test_align_draws_both_sides_of_the_text(finkd, teacher, vocabulary):
    result = finkd("align", "Acme lent money", "--teacher", teacher, "--student", vocabulary, code=0)
    assert [line.split()[0] for line in result.stdout.splitlines()[:3]] == ["teacher", "text", "student"]
    assert "coverage 100.0%" in result.stdout


def test_align_prints_json(finkd, teacher, vocabulary):
    shown = json.loads(finkd("align", "Acme", "--teacher", teacher, "--student", vocabulary, "--json").stdout)
    assert shown["coverage"] == 1.0
    assert shown["teacher"]["tokens"][0]["token"] == "[CLS]"


def test_evaluate_gives_the_scores_of_the_run(finkd, finished, tagger, corpus):
    recorded = json.loads(next((finished / "records").glob("teacher-seed-1*")).read_text())["scores"]["per_type"]
    shown = json.loads(finkd("evaluate", tagger, "--corpus", corpus, "--json").stdout)
    for name, counts in recorded.items():
        assert {key: shown["per_type"][name][key] for key in counts} == counts
    table = finkd("evaluate", tagger, "--corpus", corpus).stdout
    assert f"| micro | {shown['micro']['gold']} |" in table


def test_predict_gives_offsets_into_the_original_text(finkd, tagger):
    shown = json.loads(finkd("predict", tagger, TEXT, "--json").stdout)
    assert shown["text"] == TEXT
    assert shown["entities"], "six epochs on three sentences should be enough to find one entity"
    for entity in shown["entities"]:
        assert TEXT[entity["start"] : entity["end"]] == entity["text"]


def test_predict_reads_a_file_line_by_line_in_order(finkd, tagger, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text(f"{TEXT}\n\nThe Lender agrees\n")
    lines = [json.loads(line) for line in finkd("predict", tagger, "--file", path, "--json").stdout.splitlines()]
    assert [line["text"] for line in lines] == [TEXT, "", "The Lender agrees"]


def test_predict_keeps_what_stands_beside_a_text(finkd, tagger, tmp_path):
    (tmp_path / "texts.jsonl").write_text(f'{{"id": 7, "body": {json.dumps(TEXT)}}}\n\n{{"id": 8, "body": ""}}\n')
    (tmp_path / "texts.csv").write_text(f'id,body\n7,"{TEXT}"\n8,"a\nline"\n')
    alone = json.loads(finkd("predict", tagger, TEXT, "--json").stdout)["entities"]
    for name, ids, last in (("texts.jsonl", [7, 8], ""), ("texts.csv", ["7", "8"], "a\nline")):
        result = finkd("predict", tagger, "--file", tmp_path / name, "--field", "body", "--json", code=0)
        found = [json.loads(line) for line in result.stdout.splitlines()]
        assert [each["id"] for each in found] == ids
        assert found[0]["entities"] == alone
        assert found[1]["body"] == last


def test_predict_reads_cells_as_long_as_a_report(finkd, tagger, tmp_path):
    (tmp_path / "x.csv").write_text(f"text\n{'Acme lent money. ' * 9000}\n")
    finkd("predict", tagger, "--file", tmp_path / "x.csv", "--json", code=0)


def test_predict_answers_standard_input_before_it_ends(tagger):
    command = [sys.executable, "-m", "tests.experiments.command", "predict", str(tagger), "--file", "-", "--json"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--batch", "1"], **pipes, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        process.stdin.write(f"{TEXT}\nThe Lender\nagrees\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["text"] == TEXT
        process.stdin.close()
        assert [json.loads(line)["text"] for line in process.stdout] == ["The Lender", "agrees"]
        assert process.stderr.read() == ""  # nor has any library anything to say


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.jsonl", '{"text": "a"}\n{"text": 1}\n', "x.jsonl:2: expected a text under 'text'"),
        ("x.jsonl", '{"text": "a"}\n[]\n', "x.jsonl:2: expected a text under 'text' (found list)"),
        ("x.jsonl", '{"text": "a"}\n{"text"\n', "x.jsonl:2: not JSON"),
        ("x.csv", "text,id\na,1\nb\n", "x.csv:3: found 1 column; expected 2 as in the header"),
        ("x.csv", 'text,id\na,1\n"b"c,1\n', "x.csv:3: broken CSV"),
        ("x.txt", "a\n\udcff\n", "x.txt:2: found byte 0xff"),
    ],
)
def test_predict_answers_what_stands_before_a_broken_record(name, content, said, finkd, tagger, tmp_path):
    (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    result = finkd("predict", tagger, "--file", tmp_path / name, "--json", code=1)
    assert said in result.stderr
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["a"]


def every_word(tag):
    """A tagger that gives every word the same tag."""

    def predicted(sentences, model):
        words = [len(sentence.spans) for sentence in sentences]
        return [[tag] * count for count in words], [[0.5] * count if tag != "O" else [] for count in words], 0

    return predicted


def test_predict_lets_no_control_character_reach_the_terminal(finkd, tagger, monkeypatch):
    monkeypatch.setattr("finkd.inference.tagging.predict_with_scores", every_word("O"))
    shown = finkd("predict", tagger, "Acme \x1b[31m lent [bold]money[/bold]").stdout
    assert shown == "Acme \N{REPLACEMENT CHARACTER}[31m lent [bold]money[/bold]\n"


@pytest.mark.parametrize("tags", ["O", "B-ORG", "B-<img src=x>"])
def test_predict_writes_a_page_in_which_everything_is_escaped(tags, finkd, tagger, tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.inference.tagging.predict_with_scores", every_word(tags))
    path = tmp_path / "page.html"
    finkd("predict", tagger, "<script>alert(1)</script> Acme & <b>Co</b>.", "--html", path, code=0)
    page = path.read_text()
    assert page.startswith("<!DOCTYPE html>")
    for forbidden in ("<script", "<b>", "<img", "& ", "http"):
        assert forbidden not in page
    assert "&lt;" in page


@pytest.mark.usefixtures("pictures")
def test_report_builds_the_same_bytes_again(finkd, finished, tmp_path):
    result = finkd("report", finished, "--format", "md,html", "--out", tmp_path / "report", "--json")
    written = {path.rsplit("/", 1)[-1] for path in json.loads(result.stdout)}
    assert {"results.md", "report.html"} <= written
    assert "results.tex" not in written
    assert (tmp_path / "report" / "results.md").read_bytes() == (finished / "results.md").read_bytes()
    page = (finished / "report.html").read_text(encoding="utf-8")
    without_links = re.sub(r"<p>Every sentence in which a system is wrong:.*?</p>\n", "", page, flags=re.DOTALL)
    assert without_links != page
    assert (tmp_path / "report" / "report.html").read_text(encoding="utf-8") == without_links


def test_a_run_that_has_not_ended_is_said(finkd, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "half")
    (tmp_path / "half" / "records" / "domain-student-seed-1.record.json").unlink()
    result = finkd("report", tmp_path / "half", "--out", tmp_path / "report", code=0)
    assert f"{tmp_path / 'half'}: not finished; without Domain student (seed 1)" in result.stderr
    assert "not finished" not in finkd("report", finished, "--out", tmp_path / "whole").stderr


def test_a_finished_tagger_without_a_row_leaves_no_run_unfinished(finkd, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "experiment.json"
    settings = json.loads(path.read_text())
    settings["systems"]["predictions"] = {"role": "teacher", "teacher": "predictions.jsonl"}
    path.write_text(json.dumps(settings))
    assert "not finished" not in finkd("report", tmp_path / "run", "--out", tmp_path / "report", code=0).stderr


def test_records_in_one_file_give_the_same_report(finkd, finished, tmp_path):
    finkd("report", finished, "--format", "jsonl", "--out", tmp_path / "packed")
    assert len((tmp_path / "packed" / "records.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    finkd("report", tmp_path / "packed", "--format", "md", code=0)  # stands beside the records
    assert (tmp_path / "packed" / "results.md").read_bytes() == (finished / "results.md").read_bytes()


def test_files_of_runs_tasks_and_benchmarks_are_reported_together(finkd, finished, tmp_path):
    finkd("report", finished, "--format", "jsonl", "--out", tmp_path, code=0)
    build([], tmp_path, ["jsonl"], task_records())
    files = [tmp_path / "records.jsonl", tmp_path / "tasks.jsonl", RESULTS / "compression" / "benchmark.jsonl"]
    finkd("report", *files, "--format", "md", "--out", tmp_path / "report", code=0)
    assert {"results.md", "glue.md", "benchmark.md"} <= {path.name for path in (tmp_path / "report").iterdir()}
    (tmp_path / "other.jsonl").write_text("{}\n")
    assert "run record of version None" in finkd("report", *files, tmp_path / "other.jsonl", code=1).stderr


def test_a_folder_of_runs_is_not_merged_into_one_report(finkd, finished, tmp_path):
    for name in ("one", "the other"):
        shutil.copytree(finished / "records", tmp_path / "runs" / name / "records")
    runs, one, other = tmp_path / "runs", tmp_path / "runs" / "one", tmp_path / "runs" / "the other"
    before = sorted(runs.rglob("*"))
    result = finkd("report", runs, code=2)
    assert result.stderr == (
        f"finkd: {runs}: is no run, but holds 2 runs ({one}, {other}); name those to report together: "
        f"finkd report {one} '{other}' --out {runs / 'report'}\n"
    )
    assert sorted(runs.rglob("*")) == before
    shutil.rmtree(other)
    assert f"holds 1 run ({one}); name those to report together: finkd report {one}\n" in finkd("report", runs).stderr
    finkd("report", one, "--format", "md", code=0)
    assert (one / "results.md").is_file()


@pytest.mark.parametrize("name", ["records", "."])
def test_a_report_stands_beside_the_records_of_a_run(finkd, finished, tmp_path, name):
    shutil.copytree(finished / "records", tmp_path / "run" / "records")
    finkd("report", tmp_path / "run" / name, "--format", "md", code=0)
    assert (tmp_path / "run" / "results.md").is_file()


def test_a_record_that_was_edited_is_not_reported(finkd, finished, tmp_path):
    shutil.copytree(finished / "records", tmp_path / "records")
    path = tmp_path / "records" / "teacher-seed-1.record.json"
    path.write_text(path.read_text().replace('"correct": ', '"correct": 1', 1))
    result = finkd("report", tmp_path, "--out", tmp_path / "report", code=1)
    assert result.stderr.startswith(f"finkd: {path}: run record was changed after it was written (digest 'sha256:")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ({"entities": [1], "id": 7}, {"input_entities": [1], "id": 7}),
        ({"entities": 1, "input_entities": 2}, {"input_input_entities": 1, "input_entities": 2}),
        ({"input_entities": 2}, {"input_entities": 2}),
        ({"entities": "Acme lent money."}, {"input_entities": "Acme lent money."}),
    ],
)
def test_predict_keeps_entities_of_the_input_under_another_name(record, kept, tagger, tmp_path, finkd):
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps({"text": "Acme lent money.", **record}) + "\n")
    field = ("--field", "entities") if record.get("entities") == "Acme lent money." else ()
    result = finkd("predict", tagger, "--file", path, *field, "--json", code=0)
    found = json.loads(result.stdout)
    alone = json.loads(finkd("predict", tagger, "Acme lent money.", "--json").stdout)
    assert found == {**alone, **kept}
