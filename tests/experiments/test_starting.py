"""What a newcomer types first: ``finkd --version``, ``doctor`` and ``init``."""

import itertools
import json
from importlib.metadata import PackageNotFoundError

import pytest

import finkd as package
from finkd.experiments.commands import doctor
from finkd.experiments.configuration.starter import SIZES, Answers, starter
from finkd.models.pretrained import DEFAULT


def test_the_version_is_that_of_the_package(finkd):
    assert finkd("--version", code=0).stdout == f"finkd {package.__version__}\n"


def test_a_healthy_machine(finkd):
    findings = json.loads(finkd("doctor", "--json", code=0).stdout)
    said = {each["about"]: each for each in findings}
    assert said["finkd"]["found"].startswith(package.__version__)
    assert "sample" in said["corpora here"]["found"]
    assert not any(each["advice"] for each in findings if each["is_needed"])
    assert finkd("doctor", code=0).stdout.startswith("ok  finkd: ")


def test_a_machine_without_a_teacher_is_told_what_to_do(finkd, monkeypatch):
    monkeypatch.setattr("finkd.models.pretrained.where", lambda name: None)
    monkeypatch.setattr(doctor, "_machine", lambda: iter(()))
    result = finkd("doctor", code=1)
    assert f"NO  teacher {DEFAULT}: not here; pip install 'finkd[offline]'" in result.stdout


def test_a_machine_without_torch_is_told_so(finkd, monkeypatch):
    def version(package):
        if package == "torch":
            raise PackageNotFoundError(package)
        return "1.0"

    def machine():
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("importlib.metadata.version", version)
    monkeypatch.setattr(doctor, "_machine", machine)
    result = finkd("doctor", code=1)
    assert "NO  torch: missing; pip install finkd again" in result.stdout
    assert "ok  transformers: 1.0" in result.stdout


@pytest.mark.parametrize(
    ("size", "text", "teacher"),
    list(itertools.product(SIZES, [None, "sample-text"], [DEFAULT, "sentence-transformers/all-mpnet-base-v2"])),
)
def test_every_first_configuration_is_read(size, text, teacher, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(starter(Answers('"odd": name', "sample", "test", text, teacher, size), str(path)))
    experiment = package.load_experiment(path)
    assert experiment.name == '"odd": name'
    assert list(experiment.systems) == ["teacher", "fine-tuned only", "distilled"]
    assert experiment.start_of("teacher") == teacher
    assert ("task-distill:text" in experiment.systems["distilled"].strategy) is (text is not None)
    assert ("replace-vocabulary" in experiment.stages) is (size != "half")


def test_a_file_is_written_once(finkd, tmp_path):
    path = tmp_path / "mine.yaml"
    given = ("init", path, "--corpus", "sample", "--text", "sample-text", "--size", "tiny")
    assert f"finkd run {path} --dry-run" in finkd(*given, code=0).stderr
    assert package.load_experiment(path).name == "mine"
    assert "exists" in finkd(*given, code=2).stderr


@pytest.mark.parametrize(
    ("name", "split", "parts"),
    [("news.conll", "test", None), ("train.conll", "train", 5)],
    ids=["a file", "train alone"],
)
def test_a_corpus_without_test_split_is_divided(name, split, parts, finkd, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / name).write_text("\n".join(f"Acme{number} B-ORG\nlent O\n" for number in range(20)))
    finkd("init", tmp_path / "mine.yaml", "--corpus", folder / name if parts is None else folder, code=0)
    experiment = package.load_experiment(tmp_path / "mine.yaml")
    assert (experiment.split, experiment.cross_validation) == (split, parts)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "expected --corpus"),
        (["--corpus", "smaple"], "sample"),
        (["--corpus", "sample", "--text", "nowhere.txt"], "nowhere.txt"),
        (["--corpus", "sample", "--size", "smal"], "small"),
        (["--corpus", "sample", "--teacher", "nowhere/model"], "nowhere/model"),
    ],
)
def test_a_wrong_answer_writes_nothing(options, said, finkd, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = finkd("init", tmp_path / "mine.yaml", *options)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert not (tmp_path / "mine.yaml").exists()
