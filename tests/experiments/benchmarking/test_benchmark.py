"""``finkd benchmark`` by the real command: figures, records and tables."""

import csv
import json
import shutil
from unittest.mock import Mock

import pytest
import spacy

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import Running
from finkd.reports.benchmark import benchmark_table
from finkd.runtimes.peak_memory import peak_memory
from finkd.runtimes.record import FILE, load_benchmark
from finkd.runtimes.spacy_pipeline import Pipeline
from tests.finkd.toys import LABELS, SENTENCES, tiny_model
from tests.reports.svg import labels

pytestmark = pytest.mark.slow

QUICK = ("--queries", "3", "--seconds", "0")


@pytest.fixture(scope="module")
def taggers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    for name, layers in (("large", 3), ("small", 1)):
        tiny_model(labels=LABELS, layers=layers, width=64).save(folder / name)
    return folder


def test_two_models_in_three_runtimes(taggers, corpus, tmp_path, finkd):
    out = tmp_path / "out"
    command = ("benchmark", taggers / "large", f"tiny={taggers / 'small'}", "--corpus", corpus, "--out", out, *QUICK)
    result = finkd(*command, "--runtimes", "eager, bf16, onnx-int8", "--no-memory", code=0)
    records = load_benchmark(out / FILE)
    assert {(each.system, each.runtime) for each in records} == {
        (system, runtime) for system in ("large", "tiny") for runtime in ("eager", "bf16", "onnx-int8")
    }
    by = {each.id: each for each in records}
    first = by["large, eager"]
    assert (first.latency_ratio.value, first.throughput_ratio.low) == (1, 1)
    assert {each.reference for each in records} == {"large, eager"}
    assert by["tiny, eager"].flops["128"] < first.flops["128"]
    assert by["tiny, bf16"].bytes * 2 == by["tiny, eager"].bytes
    assert all(each.queries >= 3 and each.peak_memory is None for each in records)
    with (out / "benchmark.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["system"], row["runtime"]) for row in rows][:2] == [("large", "eager"), ("large", "bf16")]
    assert (out / "benchmark.tex").is_file()
    chief = list(csv.DictReader((out / "headline.csv").open()))
    assert [(row["system"], row["runtime"]) for row in chief] == [(row["system"], row["runtime"]) for row in rows]
    for row, whole in zip(chief, rows, strict=True):
        assert float(row["smaller"]) == pytest.approx(float(rows[0]["bytes"]) / float(whole["bytes"]))
        assert float(row["latency_ratio"]) == pytest.approx(float(whole["latency_ratio"]))
    words = labels((out / "benchmark.svg").read_text())
    assert words.count("tiny") == 1
    assert {"large", "eager", "bf16", "onnx-int8"} <= set(words)
    assert "estimate: 5 W" in result.stdout or "RAPL" in result.stdout
    assert "micro-F1 against bytes" in (out / "report.html").read_text()

    again = tmp_path / "again"
    shown = finkd("report", out, "--format", "md,tex,csv,html", "--out", again, code=0).stdout
    assert "Size and speed" in shown
    written = {path.name: path.read_bytes() for path in out.iterdir() if path.name != FILE}
    assert {path.name: path.read_bytes() for path in again.iterdir()} == written
    assert "a second benchmark" in finkd("report", out, out / FILE, "--out", again, code=2).stderr


def test_json_and_memory(taggers, corpus, tmp_path, finkd):
    result = finkd(
        *(
            "benchmark",
            taggers / "small",
            "--runtimes",
            "onnx",
            "--corpus",
            corpus,
            "--out",
            tmp_path,
            "--json",
            *QUICK,
        ),
        code=0,
    )
    (record,) = json.loads(result.stdout)
    assert record["peak_memory"] > 50e6
    assert set(record["words_per_second"]) == {"1"}  # tests have one thread
    assert result.stderr.count("throughput on") == 1  # which is measured once
    table = benchmark_table(load_benchmark(tmp_path / FILE))
    assert len({column.heading for column in table.columns}) == len(table.columns)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    nlp = spacy.blank("en")
    finder = nlp.add_pipe("ner")
    for label in ("ORG", "PER", "LOC"):
        finder.add_label(label)
    nlp.initialize()
    folder = tmp_path_factory.mktemp("spacy") / "pipeline"
    nlp.to_disk(folder)
    return folder


def test_seeds_are_scored_and_spacy_is_compared_with(taggers, pipeline, corpus, tmp_path, finkd, monkeypatch):
    def of_spacy(folder, runtime, *rest):
        return peak_memory(folder, runtime, *rest) if runtime == "spacy" else 1

    monkeypatch.setattr("finkd.experiments.benchmarking.benchmark.peak_memory", of_spacy)
    seeds = f"{taggers / 'small'},{taggers / 'large'},{taggers / 'small'}"
    command = ("benchmark", f"ours={seeds}", f"theirs={pipeline}", "--corpus", corpus, "--runtimes", "eager")
    result = finkd(*command, "--out", tmp_path, "--json", *QUICK, code=0)
    ours, theirs = json.loads(result.stdout)
    assert len(ours["f1"]) == 3
    assert ours["f1"][0] == ours["f1"][2]
    assert (theirs["runtime"], len(theirs["f1"]), theirs["flops"], theirs["tokenizing_ms"]) == ("spacy", 1, {}, {})
    assert theirs["parameters"] > theirs["embedding_parameters"] > 1e5
    assert theirs["bytes"] > 4 * theirs["parameters"]
    assert theirs["peak_memory"] > 50e6
    (_, row) = csv.DictReader((tmp_path / "benchmark.csv").open())
    assert row["gflops"] == ""


def test_packed_weights_are_told_of(corpus, tmp_path, finkd):
    model = tiny_model(labels=LABELS)
    model.network.config.packed_bytes = 4321
    model.save(tmp_path / "few")
    command = ("benchmark", tmp_path / "few", "--corpus", corpus, "--out", tmp_path / "out", "--no-memory", *QUICK)
    finkd(*command, "--runtimes", "eager,bf16", code=0)
    rows = list(csv.DictReader((tmp_path / "out" / "benchmark.csv").open()))
    assert [row["packed_bytes"] for row in rows] == ["4321", ""]  # in bf16 it holds no such weights
    assert {"few", "packed", "bf16"} <= set(labels((tmp_path / "out" / "benchmark.svg").read_text()))
    assert "in a file without gaps" in (tmp_path / "out" / "benchmark.md").read_text()


def test_what_cannot_run_here_is_refused_before_anything_is_measured(taggers, corpus, tmp_path, finkd, monkeypatch):
    def read(running, sentences):
        raise RuntimeError("no compiler\nand much more")

    monkeypatch.setattr(Running, "read", read)
    result = finkd(
        "benchmark", taggers / "small", "--corpus", corpus, "--out", tmp_path, "--runtimes", "eager", *QUICK, code=2
    )
    assert "small, eager: cannot run here (no compiler); choose another runtime" in result.stderr


def test_a_record_is_kept_whatever_fails_after_it(taggers, corpus, tmp_path, finkd, monkeypatch):
    measured = Mock(side_effect=[5, DataError("no memory is left")])
    monkeypatch.setattr("finkd.experiments.benchmarking.benchmark.peak_memory", measured)
    command = ("benchmark", taggers / "small", "--corpus", corpus, "--out", tmp_path, "--runtimes", "eager,bf16")
    assert "no memory is left" in finkd(*command, *QUICK, code=1).stderr
    assert [each.runtime for each in load_benchmark(tmp_path / FILE)] == ["eager"]


def test_a_pipeline_of_spacy_tags_words(pipeline):
    found = Pipeline.load(pipeline)
    assert found.types == {"ORG", "PER", "LOC"}
    tags = found.read(SENTENCES)
    assert [len(each) for each in tags] == [len(sentence.spans) for sentence in SENTENCES]
    ruler = found.nlp.add_pipe("entity_ruler", before="ner")
    ruler.add_patterns([{"label": "FUND", "pattern": "Acme Corp"}])
    assert found.read([Sentence.from_words(["so", "Acme", "Corp"])])[0][1:] == ["B-FUND", "I-FUND"]
    assert found.types == {"ORG", "PER", "LOC", "FUND"}


def test_pipelines_that_cannot_tag_are_refused(pipeline, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ConfigError, match="no component finds entities"):
        Pipeline.load(tmp_path / "blank")
    shutil.copytree(pipeline, tmp_path / "damaged")
    (tmp_path / "damaged" / "ner" / "model").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read by spaCy"):
        Pipeline.load(tmp_path / "damaged")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--corpus", "nowhere"), 2, "nowhere"),
        (("teacher={teacher}",), 2, "teacher: has no head that tags entities"),
        (("large=elsewhere",), 2, "two models are called 'large'"),
    ],
)
def test_mistakes_are_one_line(arguments, code, said, taggers, teacher, tmp_path, finkd):
    given = [each.format(teacher=teacher) for each in arguments]
    result = finkd("benchmark", taggers / "large", *given, "--out", tmp_path / "out", *QUICK, code=code)
    assert said in result.stderr
    assert not (tmp_path / "out").exists()
