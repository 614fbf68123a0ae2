"""Every block of code on every page runs, page by page in its order, or the page says why it does not.

They run in a folder in which everything that the pages name is there, but small. An encoder of random weights lies in a
folder of the default teacher's name, where it is found before the teacher; an experiment begins from a smaller one.
"""

import contextlib
import json
import os
import shlex
import shutil
from pathlib import Path
from unittest import mock

import pytest
import yaml
from typer.testing import CliRunner

import finkd
from finkd.experiments.cli import app
from finkd.models.pretrained import DEFAULT
from tests.docs.blocks import BLOCKS, ROOT
from tests.finkd.toys import tiny_model
from tests.toys import TEXTS, wordpiece_uncased

pytestmark = pytest.mark.slow

RUN = [block for block in BLOCKS if not block.reason]
LEFT_OUT = ("finkd serve ", "pip install ")
"""Beginnings of lines that are not run within a block: they run until they are stopped, or change the environment."""
SHORTER = {
    "benchmark": ("--runtimes", "eager,onnx-int8", "--queries", "8", "--seconds", "0.1", "--no-memory"),
    "distill": ("--sentences", "200", "--held-out", "20"),
    "run": ("--tiny", "--jobs", "1"),
}
"""Options that a command is given last, so that it takes less time."""
QUICK = {"schedule": {"epochs": 1, "learning_rate": 1e-3}}
MINE = {
    "name": "mine",
    "corpus": "sample",
    "split": "test",
    "teacher": "two-layers",
    "stages": {"truncate-layers": {"layers": [0]}, "replace-vocabulary": {"size": 400}, "finetune": QUICK},
    "systems": {
        "teacher": {"role": "teacher", "strategy": "finetune"},
        "distilled": {"strategy": "truncate-layers > replace-vocabulary > finetune"},
        "fine-tuned only": {"strategy": "truncate-layers > finetune"},
        "small": {"strategy": "truncate-layers > finetune"},
    },
    "measure": 0,
    "tiny": True,
}
TEXT = {"corpus": "data/letters.txt", "sentences": 6}
REST = {"name": "page", "corpus": "data/contracts", "split": "validation", "text": TEXT}
"""What a part of a configuration is completed by."""


@pytest.fixture(scope="module")
def small_world(tmp_path_factory):
    """A folder with a default teacher, models that it taught, a vocabulary, a configuration and texts."""
    folder = tmp_path_factory.mktemp("pages")
    for name in (DEFAULT, "two-layers", "data/contracts", "runs"):
        (folder / name).mkdir(parents=True)
    tiny_model(layers=6).save(folder / DEFAULT)
    tiny_model().save(folder / "two-layers")
    wordpiece_uncased().save(folder / "runs" / "vocabulary")
    (folder / "experiments").symlink_to(ROOT / "experiments")
    (folder / "mine.yaml").write_text(yaml.safe_dump(MINE))
    for split in ("train", "validation", "test"):
        (folder / "data" / "contracts" / f"{split}.conll").write_text("Acme B-ORG\nlent O\n\nSachs B-ORG\nagreed O\n")
    (folder / "data" / "letters.txt").write_text("\n".join(TEXTS))
    (folder / "articles.jsonl").write_text("".join(json.dumps({"body": text}) + "\n" for text in TEXTS))
    with contextlib.chdir(folder):
        finkd.run(finkd.load_experiment("mine.yaml"), Path("runs/mine"))
        model = finkd.load_model("runs/mine/models/distilled-seed-1")
        finkd.export_onnx(model, Path("runs/small-onnx-int8"), "onnx-int8")
    (folder / "runs" / "quickstart").symlink_to("mine")
    return folder


@pytest.fixture
def folder(small_world, tmp_path, monkeypatch, no_pictures):
    """A copy of it, as the working folder; reports have no pictures."""
    copy = shutil.copytree(small_world, tmp_path / "pages", symlinks=True)
    monkeypatch.chdir(copy)
    return copy


def run_commands(block):
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if not words or line.startswith(LEFT_OUT):
            continue
        program, command, *words = words[: words.index(">")] if ">" in words else words
        assert program == "finkd", f"{line}: cannot be run here; mark its block with <!-- not run: REASON -->"
        if command == "init":
            Path(words[0]).unlink()
        with mock.patch.dict(os.environ):  # the command sets what its libraries read
            result = CliRunner().invoke(app, [command, *words, *SHORTER.get(command, ())])
        assert result.exit_code == 0, f"{line}\n{result.output}"


def build(block):
    """Build the experiment of a configuration; a part of one is completed, and its models are not looked for."""
    settings = yaml.safe_load(block.text)
    Path("page.yaml").write_text(block.text if "name" in settings else yaml.safe_dump(REST | settings))
    if "suites" in settings:
        assert finkd.load_encoder_experiment("page.yaml").systems
    else:
        assert finkd.load_experiment("page.yaml", find="name" in settings).systems
    if "search" in settings:
        assert finkd.load_plan("page.yaml")


@pytest.mark.parametrize("page", list(dict.fromkeys(block.page for block in RUN)))
def test_blocks_run(page, folder):
    names = {}
    for block in RUN:
        if block.page != page:
            continue
        if block.language == "python":
            exec(compile(block.text, block.page, "exec"), names)
        elif block.language == "yaml":
            build(block)
        else:
            assert not block.language, f"{block.id}: expected a block for a shell, of Python or of YAML"
            run_commands(block)


def test_what_is_not_run_is_the_smaller_part():
    assert len(RUN) > len(BLOCKS) / 2
