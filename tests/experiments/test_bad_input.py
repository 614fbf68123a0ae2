"""What a user may get wrong: every mistake ends in exit code 1 or 2 and one clear line for each, never a traceback."""

import re
import shutil

import pytest
import yaml

from tests.toys import wordpiece_uncased

pytestmark = pytest.mark.slow

STUDENT = "systems.Domain student.strategy"
GOLD = "stages.task-distill:gold"
TUNE = {"strategy": "finetune"}
MISTAKES = [
    ("splitt", "test", "splitt: unknown setting"),
    ("corpus", None, "corpus: .*string"),
    ("corpus", "sampel", "there is no 'sampel'.*did you mean 'sample'"),
    ("corpus", "sample-text", "sample-text: is unlabelled text"),
    ("extra_splits", ["test"], r"extra_splits: .*chosen \(got 'test'\)"),
    ("split", "tset", "there is no 'tset'.*did you mean 'test'"),
    ("teacher", "nobody/no-model", "model 'nobody/no-model'.*neither a local folder"),
    ("baselines", ["dictionry"], "baselines: .*did you mean 'dictionary'"),
    ("systems", {"a": {"strategy": "text-distil"}}, r"systems\.a\.strategy.*did you mean 'text-distill'"),
    ("systems", {"a": {"strategy": "truncate-layers > finetun"}}, r"systems\.a\.strategy.*did you mean 'finetune'"),
    ("systems", {"a": {"strategy": "finetune >"}}, r"systems\.a\.strategy.*character 10"),
    ("stages.finetun", {}, "did you mean 'finetune'"),
    ("stages.task-distill:txt", {}, r"stages\.task-distill:txt\.on.*'gold', 'text' or 'general'"),
    (GOLD, {"losses": {"word-k": {}}}, f"{GOLD}.losses.*did you mean 'word-logits-kl'"),
    (GOLD, {"losses": {"word-logits-kl": {"temprature": 1}}}, "word-logits-kl.temprature: unknown setting"),
    (
        "stages",
        {"distill": {"losses": {"masked-projection": {"piecs": 1}}}},
        "piecs: unknown setting",
    ),
    (
        "stages.adalm",
        {"schedule": {"epochs": 1}},
        r"stages\.adalm: .*set its stages instead \(adapt, truncate-layers, ",
    ),
    ("stages.truncate-layers > finetune", {"nope": 2}, "stages.truncate-layers > finetune: expected a stage"),
    ("stages.truncate-layers", {"layers": [1, 0]}, "truncate-layers.layers: expected rising numbers"),
    ("stages", {"task-distill:gold": {"losses": {}}}, "losses: expected at least one term"),
    (STUDENT, "distill:gold(losses=distilbert) > finetune", "'tagger' has no masked-LM head.*masked-teacher"),
    ("seeds", [2**40], "seeds: expected numbers up to 4294967295"),
    ("systems", {"a": {"strategy": "finetune > adapt:gold"}}, r"systems\.a\.strategy: ends in.*add finetune"),
    ("systems", {"a": {"strategy": "truncate-layers"}}, r"systems\.a\.strategy: ends in"),
    ("stages.finetune", {"schedule": {"epochs": "many"}}, r"stages\.finetune\.schedule\.epochs.*'many'"),
    ("systems", {"a": {**TUNE, "role": "boss"}}, r"systems\.a\.role.*'boss'"),
    (
        "systems",
        {**{name: {**TUNE, "role": "teacher"} for name in "ab"}, "c": TUNE},
        r"systems\.c\.teacher: expected one of several teachers \(a, b; got none",
    ),
    (
        "systems",
        {"a": {**TUNE, "role": "teacher", "teacher": "a"}},
        r"systems\.a: expected either a strategy, or a teacher",
    ),
    ("systems", {"a": TUNE, "b": {**TUNE, "teacher": "a"}}, r"b\.teacher: expected a system with the role 'teacher'"),
    ("systems", {}, "systems: expected at least one"),
    ("systems", {"a b": TUNE, "A-B": TUNE}, r"systems\.A-B.*'a b'"),
    ("systems", {"Dictionary": TUNE}, r"systems\.Dictionary"),
    ("name", "../..", "name: expected a letter or digit"),
    ("seeds", [1, 1], "seeds: expected different numbers"),
    ("text", {"corpus": "sample-text", "sentences": 0}, r"text\.sentences: expected 1"),
    ("measure", -1, "measure: expected 0 to"),
    (
        "stages.truncate-layers",
        {"layers": [0, 2, 5]},
        f"{STUDENT}: truncate-layers.layers: expected numbers from 0",
    ),
    ("stages.truncate-layers", {"layers": [0], "width": 31}, f"{STUDENT}: truncate-layers.width: expected a multiple"),
    ("stages.replace-vocabulary", {"tokenizer": "/"}, "/: no tokenizer.json"),
    (STUDENT, "replace-vocabulary(general=/none) > finetune", f"{STUDENT}: .*there is no '/none'"),
    (STUDENT, "truncate-layers > task-distill:text", "no unlabelled text.*set 'text'"),
    (STUDENT, "distill:general > finetune", "distill:general.*set 'general'"),
]
"""A key of the settings, its wrong value, and what the message must say."""


def changed(settings, change):
    result = yaml.safe_load(yaml.safe_dump(settings))
    for dotted, value in change.items():
        *parents, key = dotted.split(".")
        place = result
        for parent in parents:
            place = place[parent]
        place[key] = value
    return result


def one_line_each(result, code):
    """The messages, if this is how a mistake should end."""
    assert result.exit_code == code, result.stderr
    assert "Traceback" not in result.stderr
    assert "defect" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("finkd: ")]
    assert lines
    return lines


@pytest.mark.parametrize(("key", "value", "said"), MISTAKES)
def test_a_mistake_in_a_configuration_is_one_line(key, value, said, settings, finkd, tmp_path):
    path = tmp_path / "mistake.yaml"
    path.write_text(yaml.safe_dump(changed(settings, {key: value}), sort_keys=False))
    (line,) = one_line_each(finkd("run", path, "--out", tmp_path / "out"), 1 if key == "teacher" else 2)
    assert re.search(said, line)


def test_all_mistakes_are_reported_at_once(settings, finkd, tmp_path):
    change = {
        "seeds": [2, 2],
        "baselines": ["dictionry"],
        "stages.finetune": {"schedule": {"epochs": "many", "epoch": 3}},
        "stages.task-distill:gold": {"losses": {"word-k": {}}},
    }
    path = tmp_path / "mistakes.yaml"
    path.write_text(yaml.safe_dump(changed(settings, change)))
    lines = one_line_each(finkd("run", path, "--out", tmp_path / "out"), 2)
    assert len(lines) == 5
    for key in ("seeds", "baselines", "finetune.schedule.epochs", "finetune.schedule.epoch:", "losses"):
        assert any(key in line for line in lines)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"name: [1, 2\ncorpus: x", "not valid YAML"),
        (b"just text", "expected settings"),
        (b"", "expected settings"),
        (b"name: \xff", "not valid YAML"),
        (b"name: a\nseeds: [1]\nseeds: [2]\n", ":3: not valid YAML ('seeds' is given twice)"),
        (b"!!python/object/apply:os.system ['false']", "not valid YAML"),
    ],
)
def test_a_broken_configuration_names_its_file(content, expected, finkd, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    (line,) = one_line_each(finkd("run", path), 2)
    assert str(path) in line
    assert expected in line


@pytest.mark.parametrize(
    ("content", "where", "expected"),
    [
        (b"Acme B-ORG\nlent\n", ":2", "expected"),
        (b"Acme X-ORG\n", ":1", "X-ORG"),
        (b"", ":1", "no words"),
        ("Zürich B-LOC\n".encode("latin-1"), ":1", "UTF-8"),
        ("Acme B-ORG\n".encode("utf-16"), ":1", "UTF-16"),
    ],
)
def test_a_broken_corpus_names_file_and_line(content, where, expected, config, corpus, finkd, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(corpus, broken)
    (broken / "train.conll").write_bytes(content)
    (line,) = one_line_each(finkd("run", config, "--set", f"corpus={broken}", "--out", tmp_path / "out"), 1)
    assert "train.conll" in line
    assert where in line
    assert expected in line


@pytest.mark.parametrize(
    ("override", "expected"),
    [("epochs", "--set: expected key=value"), ("=3", "--set: expected key=value"), ("seeds=[1", "--set seeds")],
)
def test_a_broken_override_is_one_line(override, expected, config, finkd):
    (line,) = one_line_each(finkd("run", config, "--set", override), 2)
    assert expected in line


def test_a_model_of_other_labels_is_not_evaluated(finished, finkd):
    (line,) = one_line_each(finkd("evaluate", finished / "models" / "teacher-seed-1", "--corpus", "sample"), 2)
    assert "do not match sample" in line


def test_an_encoder_without_a_head_tags_nothing(teacher, corpus, finkd):
    (line,) = one_line_each(finkd("evaluate", teacher, "--corpus", corpus), 2)
    assert "has no head" in line
    (line,) = one_line_each(finkd("predict", teacher, "Acme lent money."), 2)
    assert "has no head" in line


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["run"], 2, "CONFIG|STRATEGY"),
        (["rnu"], 2, "No such command 'rnu'"),
        (["--bogus"], 2, "--bogus"),
        (["run", "finetune", "--seeds", "1,x"], 2, "--seeds"),
        (["run", "finetune", "--only", "student"], 2, "--only: chooses systems of a configuration"),
        (["run", "."], 2, "is a folder"),
        (["run", "truncate-layers > " * 60 + "finetun"], 2, "did you mean 'finetune'? (see 'finkd list strategies')"),
        (
            ["run", "truncate-layers(layers=[0,5] > finetune"],
            2,
            "'(' at character 15 of 'truncate-layers(layers=[0,5] > finetune' is not",
        ),
        (["export", "x", "--to", "tensorrt"], 2, "finkd: Invalid value for '--to': 'tensorrt' is not one of"),
        (["distill", "--teacher", "x", "--out", "absent", "--seed", "-1"], 2, "Invalid value for '--seed'"),
        (["compress", "x", "--method", "prune", "--seed", "-1"], 2, "Invalid value for '--seed'"),
        (["run", "x/quickstart.yaml"], 2, "configs/quickstart.yaml, which comes with finkd?"),
        (["run", "x/quickstart"], 2, "configs/quickstart.yaml, which comes with finkd?"),
        (["tune", "x/tune.yaml"], 2, "configs/tune.yaml, which comes with finkd?"),
        (["tune", "quickstart"], 2, "configs/tune.yaml shows one"),
        (["run", "absent.yaml", "--corpus", "sample"], 2, "--corpus"),
        (["list", "corpra"], 2, "did you mean 'corpora'"),
        (["predict", "."], 2, "--file"),
        (["predict", ".", "text", "--file", "x"], 2, "--file"),
        (["vocab", "--corpus", "sample", "--vocab-size", "5", "--out", "absent"], 2, "too small"),
        (["vocab", "--corpus", "sample", "--vocab-size", "9", "--algorithm", "wp", "--out", "absent"], 2, "wordpiece"),
        (["vocab", "--corpus", "sample", "--vocab-size", "many", "--out", "absent"], 2, "--vocab-size"),
        (["align", "text", "--student", ".", "--teacher", "."], 2, "no tokenizer.json"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments, code, expected, finkd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (line,) = one_line_each(finkd(*arguments), code)
    assert expected in line
    assert not list(tmp_path.iterdir())


def test_a_missing_file_of_texts_is_one_line(finished, finkd):
    (line,) = one_line_each(finkd("predict", finished / "models" / "teacher-seed-1", "--file", "/absent/texts.txt"), 1)
    assert "/absent/texts.txt" in line


def test_what_is_no_tokenizer_is_not_replaced_by_one(finkd, teacher):
    before = sorted(teacher.iterdir())
    arguments = ("vocab", "--corpus", "sample", "--vocab-size", "500", "--out", teacher)
    (line,) = one_line_each(finkd(*arguments), 1)
    assert "is no tokenizer folder" in line
    assert sorted(teacher.iterdir()) == before


@pytest.mark.parametrize("command", ["run", "vocab", "analyze", "report", "predict", "errors", "benchmark"])
def test_an_output_that_cannot_be_written_is_one_line(command, config, corpus, teacher, finished, finkd, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    blocked = file / "out"  # not even root can make a folder below a file
    arguments = {
        "run": ("run", config, "--out", blocked),
        "vocab": ("vocab", "--corpus", corpus, "--vocab-size", "90", "--out", blocked),
        "analyze": ("analyze", "--teacher", teacher, "--corpus", corpus, "--vocab-size", "90", "--out", blocked),
        "report": ("report", finished, "--out", blocked),
        "predict": ("predict", finished / "models" / "teacher-seed-1", "Acme.", "--html", blocked / "page.html"),
        "errors": ("errors", finished / "records" / "teacher-seed-1.record.json", "--out", blocked / "page.html"),
        "benchmark": ("benchmark", finished / "models" / "teacher-seed-1", "--corpus", corpus, "--out", file),
    }[command]
    (line,) = one_line_each(finkd(*arguments), 1)  # another one would tell of work
    assert str(file) in line


@pytest.mark.parametrize("place", [".", "..", "folder"])
def test_a_folder_is_no_page(place, finished, finkd, tmp_path, monkeypatch):
    tagger = finished.resolve() / "models" / "teacher-seed-1"
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for command in (("errors", tagger), ("predict", tagger, "Acme.", "--html")):
        (line,) = one_line_each(finkd(*command, *(("--out",) if "errors" in command else ()), place), 1)
        assert f"{place}: cannot write (Is a directory)" in line
    (tmp_path / "texts.txt").write_text("Acme.")
    (line,) = one_line_each(finkd("predict", tagger, "--file", "texts.txt", "--out", place), 2)
    assert f"{place}: exists" in line
    monkeypatch.chdir(tmp_path / "folder")
    (line,) = one_line_each(finkd("compress", tagger, "--method", "tie-layers", "--out", "."), 2)
    assert ".: is the working folder" in line


def test_a_tokenizer_folder_without_its_file_is_one_line(finkd, teacher, tmp_path):
    wordpiece_uncased().save(tmp_path / "tokenizer")
    (tmp_path / "tokenizer" / "tokenizer.json").write_text("{")
    (line,) = one_line_each(finkd("align", "text", "--student", tmp_path / "tokenizer", "--teacher", teacher), 2)
    assert "tokenizer.json: not a readable tokenizer" in line
