"""``finkd export`` by the real command, and the commands that read what it writes."""

import json
import shutil

import pytest

from finkd.export.onnx_tagger import Parity
from tests.finkd.toys import LABELS, tiny_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "tagger"
    tiny_model(labels=LABELS, width=64, seed=5).save(folder)
    return folder


@pytest.fixture(scope="module")
def written(tagger, corpus, finkd):
    """What the command says of the tagger's graphs, by kind; they lie beside it."""
    commands = {to: ("export", tagger, "--to", to, "--corpus", corpus, "--json") for to in ("onnx", "onnx-int8")}
    return {to: json.loads(finkd(*command, code=0).stdout) for to, command in commands.items()}


@pytest.fixture
def _copied(written, monkeypatch):
    """Commands of this test copy those graphs, since an export takes seconds."""

    def copy(model, folder, to, calibration):
        shutil.copytree(written[to]["folder"], folder, dirs_exist_ok=True)

    monkeypatch.setattr("finkd.export.onnx_export.export_onnx", copy)


@pytest.mark.parametrize("to", ["onnx", "onnx-int8"])
def test_a_graph_is_written_compared_and_read(to, tagger, written, corpus, finkd):
    found = written[to]
    folder = tagger.with_name(f"tagger-{to}")
    assert found["folder"] == str(folder)
    assert found["words"] == 7
    assert found["differing"] == 0 or to == "onnx-int8"
    assert (found["largest"] > 1e-5) == (to == "onnx-int8")
    assert set(found["f1"]) == {"exported", "model"}
    result = finkd("evaluate", folder, "--corpus", corpus, "--json", code=0)
    result = finkd("predict", folder, "Acme lent money.", "--json", code=0)
    assert json.loads(result.stdout)["text"] == "Acme lent money."


@pytest.mark.usefixtures("_copied")
def test_what_was_found_is_said(tagger, corpus, tmp_path, finkd):
    result = finkd("export", tagger, "--to", "onnx", "--corpus", corpus, "--out", tmp_path / "graph", code=0)
    assert "0 of 7 words of" in result.stderr
    assert "strict micro-F1:" in result.stderr
    result = finkd(
        "export", tmp_path / "graph", "--to", "spacy", "--out", tmp_path / "package", "--name", "news", code=0
    )
    assert "spacy.load('en_news')" in result.stderr
    assert (tmp_path / "package" / "en_news").is_dir()


@pytest.mark.usefixtures("_copied")
def test_a_whole_graph_that_labels_otherwise_is_not_written(tagger, corpus, tmp_path, finkd, monkeypatch):
    monkeypatch.setattr("finkd.export.onnx_tagger.parity", lambda *_: Parity(1700, 3, 0.25))
    good = finkd("export", tagger, "--to", "onnx-int8", "--corpus", corpus, "--out", tmp_path / "graph")
    assert (good.exit_code, "3 of 1,700 words" in good.stderr) == (0, True), good.stderr
    before = sorted(each.name for each in (tmp_path / "graph").iterdir())
    result = finkd("export", tagger, "--to", "onnx", "--corpus", corpus, "--out", tmp_path / "graph", code=1)
    assert "3 of 1,700 words of" in result.stderr
    assert "at most 0.25" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["graph"]
    assert sorted(each.name for each in (tmp_path / "graph").iterdir()) == before


@pytest.mark.parametrize("to", ["torch", "onnx"])
def test_a_package_of_spacy_is_read_as_its_tagger_is(to, tagger, written, corpus, tmp_path, finkd):
    source = written["onnx"]["folder"] if to == "onnx" else tagger
    package = tmp_path / "package"
    finkd("export", source, "--to", "spacy", "--out", package, code=0)
    text = "Acme lent money. The Borrower and Goldman Sachs agree."
    expected = finkd("predict", source, text, "--json", code=0)
    assert json.loads(expected.stdout)["entities"]
    installed = package / "en_finkd_ner"
    for folder in (package, installed, installed / "en_finkd_ner-0.1.0"):
        result = finkd("predict", folder, text, "--json")
        assert (result.exit_code, result.stdout) == (0, expected.stdout), result.stderr
    finkd("evaluate", package, "--corpus", corpus, "--json", code=0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "tflite"), "'tflite' is not one of"),
        (("--to", "onnx", "--corpus", "nowhere"), "nowhere"),
        (("--to", "onnx"), "has no head that tags entities"),
        (("--to", "spacy", "--name", "N"), "expected a name such as news_ner"),
    ],
)
def test_mistakes_are_one_line(arguments, said, teacher, tmp_path, finkd):
    result = finkd("export", teacher, "--out", tmp_path / "x", *arguments, code=2)
    assert said in result.stderr
    assert not (tmp_path / "x").exists()
