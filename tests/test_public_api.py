"""``import finkd`` gives what users type, and the example of each docstring runs."""

import doctest
import importlib
import pkgutil
import typing
from importlib.util import find_spec
from pathlib import Path

import pytest

import finkd
from finkd.corpora import label_names
from finkd.corpora.tasks.task import Example, TaskData
from finkd.records import RunRecord
from finkd.scores import Counts, NerScores
from tests.finkd.toys import tiny_model
from tests.toys import wordpiece_uncased

pytestmark = pytest.mark.slow

NAMES = [name for name in finkd.__all__ if name != "__version__"]
CONFIG = """
name: small
corpus: sample
split: test
systems:
  teacher: {role: teacher, strategy: finetune}
stages:
  finetune: {schedule: {epochs: 0.1, learning_rate: 3e-4}}
teacher: encoder
seeds: [1]
measure: 0
"""
ENCODERS = """
name: small-encoders
teacher: encoder
systems:
  first layer: {strategy: "truncate-layers(layers=[0])"}
suites:
  glue: {tasks: [wnli], settings: {schedule: {epochs: 1, precision: fp32}}}
"""
STUDENT = "  student: {strategy: finetune}\nstages:"
TUNE = f"""
{CONFIG.replace("split: test", "split: validation").replace("stages:", STUDENT)}
search:
  system: student
  space: {{stages.finetune.schedule.learning_rate: {{low: 1e-4, high: 1e-3, log: true}}}}
"""
SCORES = {("teacher", 1): 16, ("teacher", 2): 18, ("student", 1): 14, ("student", 2): 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as users have one: a tagger, an encoder, a tokenizer, a configuration and some records."""
    folder = tmp_path_factory.mktemp("public")
    for name, labels in (("tagger", label_names(finkd.load_corpus("sample").types)), ("encoder", ())):
        (folder / name).mkdir()
        tiny_model(labels=labels).save(folder / name)
    wordpiece_uncased().save(folder / "tokenizer")
    (folder / "small.yaml").write_text(CONFIG)
    (folder / "encoders.yaml").write_text(ENCODERS)
    (folder / "tune.yaml").write_text(TUNE)
    (folder / "raw.txt").write_text(
        "\n".join(f"Acme Corp lent {number} million to Goldman Sachs." for number in range(40))
    )
    for (system, seed), correct in SCORES.items():
        scores = NerScores({"ORG": Counts(correct, 20, 20)})
        record = RunRecord("small", system, system, "finetune", "sample", "test", seed, scores)
        record.save(folder / "records" / f"{system}-{seed}.record.json")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_its_docstring_runs(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    pairs = [Example("Acme lent.", "Somebody lent.", label) for label in (0.0, 1.0)]
    task = TaskData("wnli", {"train": pairs, "validation": pairs}, labels=("not_entailment", "entailment"))
    monkeypatch.setattr("finkd.experiments.suites.texts.load_task", lambda name: task)
    found = getattr(finkd, name)
    (test, *_) = doctest.DocTestFinder(recurse=False).find(found, name, globs={"finkd": finkd})
    assert test.examples, f"finkd.{name} has no example"
    check(test)


def check(test):
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert runner.run(test, out=said.append).failed == 0, "".join(said)


def test_the_examples_of_all_other_docstrings_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    public = {f"{found.__module__}.{found.__qualname__}" for found in (getattr(finkd, name) for name in NAMES)}
    modules = [each.name for each in pkgutil.walk_packages(finkd.__path__, "finkd.")]
    shown = [name for name in modules if ">>> " in Path(find_spec(name).origin).read_text(encoding="utf-8")]
    tests = [each for name in shown for each in doctest.DocTestFinder().find(importlib.import_module(name))]
    others = [each for each in tests if each.examples and each.name not in public]
    assert len(others) > 15
    for each in others:
        check(each)


COMMANDS = ("run", "tune", "analyze", "align", "evaluate", "benchmark", "compress", "distill", "predict")


@pytest.mark.parametrize("name", [name for name in NAMES if callable(getattr(finkd, name))])
def test_its_types_can_be_asked_for(name):
    """As pydantic, FastAPI and Sphinx do."""
    typing.get_type_hints(getattr(finkd, name))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_a_function_of_its_own_name(name):
    assert getattr(finkd, name).__name__ == name
