"""Options that would do nothing are refused, by every command; every other option is known to do something always."""

import pytest

from finkd.corpora.errors import ConfigError
from finkd.experiments.console.options import named, numbers, values
from tests.docs.test_pages import COMMANDS

IDLE = {
    **dict.fromkeys((f"predict {each}" for each in ("--field x", "--format jsonl", "--batch 2")), "x text"),
    "predict --json": "x text --html page.html",
    **dict.fromkeys(
        (
            *("evaluate --scheme IOB1", "evaluate --task x", "evaluate --set a=1", "evaluate --random-weights"),
            *("evaluate --as x", "evaluate --role teacher", "evaluate --out x", "evaluate --offsets utf16"),
        ),
        "x --corpus sample",
    ),
    "evaluate --split x": "x --suite glue",
    **dict.fromkeys(("evaluate --seeds 1,2", "evaluate --teacher x"), "x --suite inference"),
    **dict.fromkeys(("export --corpus sample", "export --split x"), "x --to spacy"),
    **dict.fromkeys(("export --calibrate 0", "export --name x"), "x --to onnx"),
    "export --version 1.0": "x --to onnx-int8",
    **dict.fromkeys(("compress --sentences 5", "compress --text sample-text"), "x --method tie-layers"),
    **dict.fromkeys(("vocab --weight 0.5", "vocab --rule fertility"), "--corpus sample --vocab-size 500 --out out"),
    **dict.fromkeys(("vocab --threshold 1", "vocab --cased"), "--corpus sample --trim-from x --out out"),
    **dict.fromkeys(
        ("vocab --minimum 2", "vocab --algorithm x", "vocab --vocab-size 500"),
        "--corpus sample --grow-from x --out out",
    ),
    "analyze --cased": "--corpus sample --tokenizer x",
    **dict.fromkeys(("run --scheme IOB1", "run --offsets utf16"), "finetune --corpus sample"),
    "run --corpus sample": "quickstart.yaml",
    "run --only x": "finetune",
}
"""What is refused -> the other arguments, which leave it without effect."""


REAL_NUMBERS = {
    (name, parameter.opts[0])
    for name, command in COMMANDS.items()
    for parameter in command.params
    if parameter.type_descriptor.annotation is float
}
"""Commands with their options that take any number, not whole ones alone."""
assert ("serve", "--shutdown-seconds") in REAL_NUMBERS


def refused(finkd, command, *arguments):
    name, option, *value = command.split()
    result = finkd(name, *arguments, option, *value, code=2)
    (line,) = result.stderr.splitlines()
    assert option in line
    return line


@pytest.mark.parametrize("command", IDLE)
def test_an_option_without_effect_is_refused(command, finkd, teacher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart.yaml").touch()
    (tmp_path / "x").symlink_to(teacher)
    before = set(tmp_path.iterdir())
    refused(finkd, command, *IDLE[command].split())
    assert set(tmp_path.iterdir()) == before


def test_a_field_of_lines_is_refused(finkd, tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("Acme fell.\n")
    line = refused(finkd, "predict --field value", "x", "--file", path, "--format", "text")
    assert line == ("finkd: predict: --field does nothing where each line is a text (see --format); leave it out")


@pytest.mark.parametrize(("command", "texts"), [("predict", ["text"]), ("serve", [])])
def test_graphs_have_no_precision(command, texts, finkd, teacher, tmp_path):
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).symlink_to(teacher / name)
    (tmp_path / "model.onnx").touch()
    line = refused(finkd, f"{command} --precision fp32", tmp_path, *texts)
    assert line.endswith("does nothing with an ONNX graph; leave it out")


def test_pipelines_of_spacy_have_no_runtimes(finkd, tmp_path):
    for name in ("config.cfg", "meta.json"):
        (tmp_path / name).touch()
    line = refused(finkd, "benchmark --runtimes eager", tmp_path)
    assert "for pipelines of spaCy" in line


@pytest.mark.parametrize(("command", "option"), sorted(REAL_NUMBERS))
@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_number_is_finite(command, option, value, finkd):
    result = finkd(*command.split(), option, value, code=2)
    assert f"Invalid value for '{option}': " in result.stderr


def test_a_service_listens_at_an_address_that_is_named(finkd, tagger):
    assert "--host: expected a name or an address" in finkd("serve", tagger, "--host", "", code=2).stderr


def test_models_are_called_like_their_folders(tmp_path, monkeypatch):
    (tmp_path / "tagger").mkdir()
    (tmp_path / "newest").symlink_to("tagger")
    monkeypatch.chdir(tmp_path / "tagger")
    assert named("serve", ["."]) == {"tagger": "."}
    assert named("serve", ["../newest", "a=."]) == {"newest": "../newest", "a": "."}
    for wrong in ("/", "=.", "_=."):
        with pytest.raises(ConfigError, match="expected a letter or digit"):
            named("serve", [wrong])


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
    result = finkd(*arguments, code=2)
    assert result.stderr.startswith("finkd: No such option: ")
    assert f"{now} now (see '" in result.stderr
