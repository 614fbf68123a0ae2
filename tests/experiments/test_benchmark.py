"""``finkd benchmark`` by the real command: figures, records and tables."""

import csv
import json

import pytest

from finkd.runtimes.record import SUFFIX, BenchmarkRecord
from reports.benchmark import benchmark_table
from tests.finkd.toys import LABELS, tiny_model

QUICK = ("--queries", "3", "--seconds", "0")


@pytest.fixture(scope="module")
def taggers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    for name, layers in (("large", 3), ("small", 1)):
        (folder / name).mkdir()
        tiny_model(labels=LABELS, layers=layers, width=64).save(folder / name)
    return folder


def test_two_models_in_three_runtimes(taggers, corpus, tmp_path, finkd):
    out = tmp_path / "out"
    command = ("benchmark", taggers / "large", f"tiny={taggers / 'small'}", "--on", corpus, "--out", out, *QUICK)
    result = finkd(*command, "--runtimes", "eager, bf16, onnx-int8", "--no-memory")
    assert result.exit_code == 0, result.stderr
    records = [BenchmarkRecord.load(path) for path in sorted((out / "records").glob(f"*{SUFFIX}"))]
    assert {(each.system, each.runtime) for each in records} == {
        (system, runtime) for system in ("large", "tiny") for runtime in ("eager", "bf16", "onnx-int8")
    }
    by = {each.id: each for each in records}
    first = by["large, eager"]
    assert (first.latency_ratio.value, first.throughput_ratio.low) == (1, 1)
    assert {each.reference for each in records} == {"large, eager"}
    assert by["tiny, eager"].flops["128"] < first.flops["128"]
    assert by["tiny, bf16"].bytes * 2 == by["tiny, eager"].bytes
    assert first.f1 == by["large, eager"].f1
    assert all(each.queries >= 3 and each.peak_memory is None for each in records)
    with (out / "benchmark.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["system"], row["runtime"]) for row in rows][:2] == [("large", "eager"), ("large", "bf16")]
    assert (out / "benchmark.tex").is_file()
    assert "estimate: 5 W" in result.stdout or "RAPL" in result.stdout


def test_json_and_memory(taggers, corpus, tmp_path, finkd):
    result = finkd(
        *("benchmark", taggers / "small", "--runtimes", "onnx", "--on", corpus, "--out", tmp_path, "--json", *QUICK)
    )
    assert result.exit_code == 0, result.stderr
    (record,) = json.loads(result.stdout)
    assert record["peak_memory"] > 50e6
    assert set(record["words_per_second"]) == {"1"}  # tests have one thread
    table = benchmark_table([BenchmarkRecord.load(next((tmp_path / "records").iterdir()))])
    assert len({column.heading for column in table.columns}) == len(table.columns)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--runtimes", "eagre"), 2, "did you mean 'eager'?"),
        (("--on", "nowhere"), 2, "nowhere"),
        (("teacher={teacher}",), 2, "teacher: has no head that tags entities"),
        (("large=elsewhere",), 2, "two models are called 'large'"),
    ],
)
def test_mistakes_are_one_line(arguments, code, said, taggers, teacher, tmp_path, finkd):
    given = [each.format(teacher=teacher) for each in arguments]
    result = finkd("benchmark", taggers / "large", *given, "--out", tmp_path / "out", *QUICK)
    assert result.exit_code == code, result.stderr
    assert said in result.stderr
    assert not (tmp_path / "out").exists()
