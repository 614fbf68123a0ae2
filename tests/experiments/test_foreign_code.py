"""Code in a model's folder is never run, whatever command is given the folder."""

import ast
import json
import pickle
from pathlib import Path

import pytest
import spacy
import torch
import transformers
import yaml
from typer.testing import CliRunner

from finkd.corpora.errors import ConfigError, DataError, FinkdError
from finkd.experiments.cli import app
from finkd.export.loading import load_tagger
from finkd.machine.third_party import no_code_of_models
from finkd.runtimes.spacy_pipeline import Pipeline
from finkd.suites.summaries.writers import load_writer, write_random
from finkd.teachers.label_map import LabelReading
from finkd.teachers.spacy_pipeline import open_spacy
from tests.experiments.test_bad_input import one_line_each
from tests.finkd.toys import LABELS, tiny_model
from tests.toys import TEXTS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDERS = ("corpora", "tokenization", "finkd", "reports", "experiments", "benchmarks")
LOADS = ("from_pretrained", "from_config", "pipeline", "AutoConfig", "SentenceTransformer")
"""Calls by which transformers reads a model; it asks on standard input whether code may run unless it is told."""
GUARDED = "GLiNER.from_pretrained"
"""It trusts code by itself and has no such option; ``no_code_of_models`` refuses the code."""
RUNS_CODE = {"eval", "exec", "pickle.loads"}
RUNS_CODE |= {*(f"{name}.load" for name in ("torch", "pickle", "joblib", "dill", "cloudpickle"))}
ANSWERS = "Acme fell.\ny\ny\n"


def calls():
    """Every call in the packages and the benchmarks, with its place and the name of what is called."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", ast.unparse(node.func), node


def test_every_load_of_a_model_says_that_its_code_is_not_run():
    every = [(place, name, node) for place, name, node in calls() if name.rpartition(".")[2] in LOADS]
    found = [(place, node) for place, name, node in every if name != GUARDED]
    assert len(found) >= 10
    for place, node in found:
        given = {each.arg: ast.unparse(each.value) for each in node.keywords}
        assert given.get("trust_remote_code") == "False", place


def test_nothing_unpickles_or_evaluates_but_tensors():
    found = [(place, node) for place, name, node in calls() if name in RUNS_CODE]
    assert [
        place for place, node in found if "weights_only=True" not in [ast.unparse(each) for each in node.keywords]
    ] == []


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A tagger that is right but for its type, which only code in the folder knows; and the file that it writes."""
    folder = tmp_path_factory.mktemp("evil") / "tagger"
    folder.mkdir()
    marker = folder.parent / "ran"
    tiny_model(labels=LABELS, width=64).save(folder)
    code = f"open({str(marker)!r}, 'w')\nfrom transformers import BertConfig as Evil\n"
    for name in ("evil.py", "__init__.py", "custom_generate.py"):
        (folder / name).write_text(code)
    classes = ["AutoConfig", "AutoModel", "AutoModelForTokenClassification", "AutoModelForSequenceClassification"]
    for name, changes in {
        "config.json": {"model_type": "evil", "auto_map": dict.fromkeys([*classes, "AutoTokenizer"], "evil.Evil")},
        "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}},
    }.items():
        entries = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(entries | changes))
    return folder, marker


COMMANDS = {
    "predict": "predict {model} --file -",
    "predict a text": "predict {model} Acme",
    "evaluate": "evaluate {model} --corpus {corpus}",
    "evaluate a suite": "evaluate {model} --suite sst2 --out {out}",
    "export onnx": "export {model} --to onnx --corpus {corpus} --out {out}",
    "export onnx-int8": "export {model} --to onnx-int8 --corpus {corpus} --out {out}",
    "export spacy": "export {model} --to spacy --out {out}",
    "serve": "serve {model} --port 0",
    "compress": "compress {model} --method quantize --corpus {corpus} --out {out}",
    "benchmark": "benchmark {model} --corpus {corpus} --out {out} --no-memory",
    "distill": "distill --teacher {model} --text sample-text --out {out}",
    "distill from it": "distill --teacher {model} --start {model} --text sample-text --out {out}",
    "run a strategy": "run finetune --set teacher={model} --set corpus={corpus} --out {out}",
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_runs_code_of_a_folder(command, evil, corpus, tmp_path, hub):
    folder, marker = evil
    words = command.format(model=folder, corpus=corpus, out=tmp_path / "out").split()
    result = CliRunner().invoke(app, words, input=ANSWERS)
    assert not marker.exists()
    (line,) = one_line_each(result, result.exit_code or 2)
    assert str(folder) in line
    assert "y/N" not in result.stdout + result.stderr


@pytest.mark.parametrize("role", ["teacher", "start"])
def test_no_run_runs_code_of_its_teacher(role, evil, settings, tmp_path):
    folder, marker = evil
    settings = yaml.safe_load(yaml.safe_dump(settings))
    if role == "teacher":
        settings["teacher"] = str(folder)
    else:
        settings["stages"]["replace-vocabulary"] = {"tokenizer": str(folder)}
    path = tmp_path / "evil.yaml"
    path.write_text(yaml.safe_dump(settings))
    result = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path / "out")], input=ANSWERS)
    assert not marker.exists()
    if role == "teacher":
        (line,) = one_line_each(result, 2)
        assert str(folder) in line


@pytest.mark.parametrize(
    "command",
    [
        "align Acme --student {model} --teacher {model}",
        "analyze --teacher {model} --corpus {corpus} --tokenizer {model}",
    ],
)
def test_tokenizers_are_read_without_code(command, evil, corpus, tmp_path, monkeypatch):
    folder, marker = evil
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, command.format(model=folder, corpus=corpus).split(), input=ANSWERS)
    assert "Traceback" not in result.stderr
    assert not marker.exists()


def test_a_model_that_writes_runs_no_code_either(tmp_path, evil):
    with pytest.raises(ConfigError, match='model_type: found "evil", which transformers has not'):
        load_writer(str(evil[0]))
    assert not evil[1].exists()
    sizes = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64}
    write_random(tmp_path, TEXTS * 3, {**sizes, "num_hidden_layers": 1, "num_attention_heads": 2})
    marker = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w')\n")
    (tmp_path / "custom_generate").mkdir()
    (tmp_path / "custom_generate" / "generate.py").write_text(f"open({str(marker)!r}, 'w')\n")
    path = tmp_path / "tokenizer_config.json"
    entries = json.loads(path.read_text())
    entries |= {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
    path.write_text(json.dumps(entries))
    assert load_writer(str(tmp_path)).is_causal  # by a tokenizer of transformers
    assert not marker.exists()


class Evil:
    """Opens a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors", "adapter_model.bin"])
def test_pickled_weights_are_not_read(name, tmp_path):
    folder, marker = tmp_path / "tagger", tmp_path / "ran"
    tiny_model(labels=LABELS).save(folder)
    (folder / "model.safetensors").unlink()
    if name.startswith("adapter"):
        (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "."}')
    with (folder / name).open("wb") as file:
        pickle.dump(Evil(marker), file)
    torch.save(Evil(marker), folder / "model.pt")
    with pytest.raises(FinkdError, match=str(folder)):
        load_tagger(folder)
    assert not marker.exists()


def test_a_spacy_package_is_read_without_its_code(tmp_path):
    from finkd.export.spacy import export_spacy

    tagger, package, marker = tmp_path / "tagger", tmp_path / "package", tmp_path / "ran"
    tiny_model(labels=LABELS).save(tagger)
    export_spacy(tagger, package, "evil_ner")
    for path in (package, package / "en_evil_ner", package / "en_evil_ner" / "en_evil_ner-0.1.0"):
        (path / "__init__.py").write_text(f"open({str(marker)!r}, 'w')\n")
        (path / "setup.py").write_text(f"open({str(marker)!r}, 'w')\n")
    assert load_tagger(package).labels == LABELS
    assert Pipeline.load(package / "en_evil_ner" / "en_evil_ner-0.1.0")
    assert not marker.exists()


@pytest.mark.parametrize("read", [Pipeline.load, lambda folder: open_spacy(str(folder), LabelReading())])
@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        ("components.entity_ruler", "source", "antigravity", r"entity_ruler\.source: names another pipeline"),
        ("nlp", "lang", "..cli.package", r"nlp\.lang: found '\.\.cli\.package'; expected letters"),
    ],
)
def test_a_pipeline_imports_no_other_package(section, key, value, expected, read, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler")
    nlp.config["nlp"]["lang"] = "en"
    nlp.to_disk(tmp_path / "pipeline")
    path = tmp_path / "pipeline" / "config.cfg"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{key} = ")]
    lines.insert(lines.index(f"[{section}]") + 1, f'{key} = "{value}"')
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=expected):
        read(tmp_path / "pipeline")


def test_code_is_refused_where_a_library_trusts_it(evil):
    """GLiNER passes trust_remote_code=True for its encoder, whatever it is told."""
    folder, marker = evil
    with pytest.raises(ConfigError, match="a model: asks for code"), no_code_of_models("a model"):
        transformers.AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert not marker.exists()
