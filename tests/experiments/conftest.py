"""A toy teacher, a toy corpus and one finished run of the real command, shared by the tests of this folder."""

import os
import shutil
from unittest import mock

import pytest
import yaml
from typer.testing import CliRunner

from finkd.experiments.cli import app
from finkd.export.onnx_export import export_onnx
from tests.finkd.toys import LABELS, tiny_model
from tests.toys import TEXTS

TRAIN = """\
Goldman B-ORG
Sachs I-ORG
lent O
money O
to O
Acme B-ORG
. O

The O
Borrower B-PER
agrees O

Acme B-ORG
and O
the O
Lender B-PER
agree O

"""
TEST = "Sachs B-ORG\nlent O\n\nThe O\nLender B-PER\nand O\nGoldman B-ORG\nagree O\n"


@pytest.fixture
def pictures():
    """Reports of this test have their pictures."""


@pytest.fixture(autouse=True)
def _mostly_no_pictures(request):
    if "pictures" not in request.fixturenames:
        request.getfixturevalue("no_pictures")


@pytest.fixture(scope="session")
def teacher(tmp_path_factory):
    """An encoder of random weights: 2 layers, 32 wide."""
    folder = tmp_path_factory.mktemp("teacher")
    tiny_model().save(folder)
    return folder


@pytest.fixture(scope="session")
def graph(tmp_path_factory):
    """The folder ``graph`` of a tagger of random weights that was exported in 8 bits."""
    folder = tmp_path_factory.mktemp("exported") / "graph"
    export_onnx(tiny_model(labels=LABELS, layers=1, seed=5), folder, "onnx-int8")
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A labelled corpus of five sentences, as files."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "train.conll").write_text(TRAIN)
    (folder / "test.conll").write_text(TEST)
    return folder


@pytest.fixture(scope="session")
def settings(teacher, corpus):
    """An experiment with a teacher, a student under its own vocabulary, and no measurements."""
    quick = {"epochs": 6, "batch_tokens": 32, "learning_rate": "1e-2", "head_learning_rate": "1e-2"}
    return {
        "name": "toy",
        "corpus": str(corpus),
        "split": "test",
        "teacher": str(teacher),
        "precision": "fp32",
        "measure": 0,
        "baselines": ["dictionary"],
        "stages": {
            "truncate-layers": {"layers": [1]},
            "replace-vocabulary": {"size": 90},
            "finetune": {"schedule": quick},
            "task-distill": {"losses": {"cross-entropy": {}, "word-logits-kl": {}}, "schedule": quick},
        },
        "systems": {
            "teacher": {"role": "teacher", "strategy": "finetune"},
            "Domain student": {"strategy": "truncate-layers > replace-vocabulary > task-distill:gold"},
        },
    }


@pytest.fixture(scope="session")
def finkd():
    """The command: arguments in, result with ``exit_code``, ``stdout`` and ``stderr`` out; checks a given exit code."""
    runner = CliRunner()

    def invoke(*arguments, code=None):
        with mock.patch.dict(os.environ):  # the command sets what its libraries read
            result = runner.invoke(app, [str(argument) for argument in arguments])
        assert code in (None, result.exit_code), result.output
        assert code is None or "Traceback" not in result.stderr
        return result

    return invoke


@pytest.fixture(scope="session")
def config(settings, tmp_path_factory):
    """The experiment as a file."""
    path = tmp_path_factory.mktemp("config") / "toy.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


@pytest.fixture(scope="session")
def first_run(finkd, config, tmp_path_factory):
    """The output folder of a run that went well, and what it showed."""
    out = tmp_path_factory.mktemp("finished") / "toy"
    return out, finkd("run", config, "--out", out, code=0)


@pytest.fixture(scope="session")
def finished(first_run):
    """The output folder of a run that went well."""
    return first_run[0]


@pytest.fixture
def copied(finished, tmp_path):
    """The finished run with its store, free to be changed."""
    shutil.copytree(finished.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / finished.name


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Every task of GLUE and IMDb with six examples; what was asked for is listed."""
    import datasets

    asked = []

    def rows(path, config, split):
        asked.append((config, split))
        columns = {
            "cola": ("sentence",),
            "sst2": ("sentence",),
            "qqp": ("question1", "question2"),
            "mnli": ("premise", "hypothesis"),
            "qnli": ("question", "sentence"),
            None: ("text",),
        }
        names = columns.get(config, ("sentence1", "sentence2"))
        label = (lambda n: 5.0 * n / 6) if config == "stsb" else (lambda n: int(TEXTS[n] in TEXTS[:3]))
        return datasets.Dataset.from_list(
            [{**dict.fromkeys(names, TEXTS[n]), "label": label(n), "idx": n} for n in range(len(TEXTS))]
        )

    monkeypatch.setenv("FINKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FINKD_DATA", raising=False)
    monkeypatch.setattr("finkd.corpora.tasks.is_offline", lambda: False)
    monkeypatch.setattr(datasets, "load_dataset", rows)
    return asked


@pytest.fixture(scope="session")
def tagger(finished):
    """Folder of a tagger of that run."""
    return finished / "models" / "teacher-seed-1"
