"""Options that would do nothing are refused, by every command; every other option is known to do something always."""

import pytest

from finkd.experiments.console.options import numbers, values

IDLE = {
    ("predict", "--field"): ("x", "text"),
    ("predict", "--format"): ("x", "text"),
    ("predict", "--batch"): ("x", "text"),
    ("predict", "--json"): ("x", "text", "--html", "page.html"),
    ("evaluate", "--split"): ("x", "--suite", "glue"),
    ("evaluate", "--scheme"): ("x", "--corpus", "sample"),
    ("evaluate", "--task"): ("x", "--corpus", "sample"),
    ("evaluate", "--seeds"): ("x", "--suite", "inference"),
    ("evaluate", "--teacher"): ("x", "--suite", "inference"),
    ("evaluate", "--set"): ("x", "--corpus", "sample"),
    ("evaluate", "--random-weights"): ("x", "--corpus", "sample"),
    ("evaluate", "--as"): ("x", "--corpus", "sample"),
    ("evaluate", "--role"): ("x", "--corpus", "sample"),
    ("evaluate", "--out"): ("x", "--corpus", "sample"),
    ("export", "--corpus"): ("x", "--to", "spacy"),
    ("export", "--split"): ("x", "--to", "spacy"),
    ("export", "--calibrate"): ("x", "--to", "onnx"),
    ("export", "--name"): ("x", "--to", "onnx"),
    ("export", "--version"): ("x", "--to", "onnx-int8"),
    ("compress", "--sentences"): ("x", "--method", "tie-layers"),
    ("compress", "--text"): ("x", "--method", "tie-layers"),
    ("vocab", "--weight"): ("--corpus", "sample", "--vocab-size", "500", "--out", "out"),
    ("vocab", "--rule"): ("--corpus", "sample", "--vocab-size", "500", "--out", "out"),
    ("vocab", "--threshold"): ("--corpus", "sample", "--trim-from", "x", "--out", "out"),
    ("vocab", "--minimum"): ("--corpus", "sample", "--grow-from", "x", "--out", "out"),
    ("vocab", "--algorithm"): ("--corpus", "sample", "--grow-from", "x", "--out", "out"),
    ("vocab", "--cased"): ("--corpus", "sample", "--trim-from", "x", "--out", "out"),
    ("vocab", "--vocab-size"): ("--corpus", "sample", "--grow-from", "x", "--out", "out"),
    ("analyze", "--cased"): ("--corpus", "sample", "--tokenizer", "x"),
    ("run", "--scheme"): ("finetune", "--corpus", "sample"),
    ("run", "--offsets"): ("finetune", "--corpus", "sample"),
    ("evaluate", "--offsets"): ("x", "--corpus", "sample"),
    ("run", "--corpus"): ("quickstart.yaml",),
    ("run", "--only"): ("finetune",),
}
"""What is refused -> the other arguments, which leave it without effect."""
GRAPHS = {("predict", "--precision"): ("text",), ("serve", "--precision"): ()}
"""The same behind the folder of an ONNX graph."""
VALUES = {"--format": "jsonl", "--batch": "2", "--scheme": "IOB1", "--role": "teacher", "--seeds": "1,2"}
VALUES |= {
    "--offsets": "utf16",
    "--calibrate": "0",
    "--sentences": "5",
    "--weight": "0.5",
    "--rule": "fertility",
    "--threshold": "1",
}
VALUES |= {"--minimum": "2", "--vocab-size": "500", "--precision": "fp32", "--runtimes": "eager", "--set": "a=1"}
VALUES |= {"--text": "sample-text", "--version": "1.0", "--corpus": "sample"}
FLAGS = {"--json", "--cased", "--random-weights"}


def refused(finkd, command, option, arguments):
    given = (option,) if option in FLAGS else (option, VALUES.get(option, "value"))
    result = finkd(command, *arguments, *given)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert option in line
    return line


@pytest.mark.parametrize(("command", "option"), IDLE)
def test_an_option_without_effect_is_refused(command, option, finkd, teacher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart.yaml").touch()
    (tmp_path / "x").symlink_to(teacher)
    before = set(tmp_path.iterdir())
    refused(finkd, command, option, IDLE[command, option])
    assert set(tmp_path.iterdir()) == before


def test_a_field_of_lines_is_refused(finkd, tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("Acme fell.\n")
    line = refused(finkd, "predict", "--field", ("x", "--file", path, "--format", "text"))
    assert line == ("finkd: predict: --field does nothing where each line is a text (see --format); leave it out")


@pytest.mark.parametrize(("command", "option"), GRAPHS)
def test_graphs_have_no_precision(command, option, finkd, teacher, tmp_path):
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).symlink_to(teacher / name)
    (tmp_path / "model.onnx").touch()
    line = refused(finkd, command, option, (tmp_path, *GRAPHS[command, option]))
    assert line.endswith("does nothing with an ONNX graph; leave it out")


def test_pipelines_of_spacy_have_no_runtimes(finkd, tmp_path):
    for name in ("config.cfg", "meta.json"):
        (tmp_path / name).touch()
    line = refused(finkd, "benchmark", "--runtimes", (tmp_path,))
    assert "for pipelines of spaCy" in line


def test_lists_are_separated_by_commas_or_repeated():
    assert values(None) == []
    assert values(["a, b", "c"]) == ["a", "b", "c"]
    assert values(["a, b", "c,d"], {"a, b"}.__contains__) == ["a, b", "c", "d"]
    assert numbers("--seeds", ["1,2", "3"]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "now"),
    [(("evaluate", "x", "--on", "sample"), "--on; its name is --corpus"), (("vocab", "--size", "9"), "--vocab-size")],
)
def test_a_former_option_is_refused_with_its_new_name(arguments, now, finkd):
    result = finkd(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("finkd: No such option: ")
    assert f"{now} now (see '" in result.stderr
