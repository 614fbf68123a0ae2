"""``finkd predict --out``: files of any size, gone on with after a kill."""

import json

import pytest

from finkd.experiments.commands.predict import _made_by
from finkd.machine.precision import resolve_precision
from finkd.records import SUFFIX

pytestmark = pytest.mark.slow

TEXTS = [f"Acme Corp lent {number} dollars to Jane Miller." for number in range(20)]


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text, "id": number}) + "\n" for number, text in enumerate(TEXTS)))
    return path


@pytest.fixture
def whole(finkd, tagger, asked, tmp_path):
    """What is written without an interruption."""
    finkd("predict", tagger, "--file", asked, "--out", tmp_path / "whole.jsonl", "--batch", 4, code=0)
    return (tmp_path / "whole.jsonl").read_bytes()


def test_writes_what_json_prints(whole, finkd, tagger, asked, tmp_path):
    printed = finkd("predict", tagger, "--file", asked, "--json", "--batch", 4, code=0).stdout
    assert whole.decode() == printed
    assert len(printed.splitlines()) == len(TEXTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["texts.jsonl", "whole.jsonl"]


@pytest.mark.parametrize("left", [0, 1, 8, 20])
@pytest.mark.parametrize("torn", [b"", b'{"text": "Acme Co'])
def test_goes_on_where_it_was_killed(left, torn, whole, finkd, tagger, asked, tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    monkeypatch.setattr("finkd.experiments.commands.predict._until_wrong", None)  # as if it were killed
    finkd("predict", tagger, "--file", asked, "--out", out, code=1)
    monkeypatch.undo()
    lines = whole.splitlines(keepends=True)
    (tmp_path / "out.jsonl.unfinished").write_bytes(b"".join(lines[:left]) + torn)
    result = finkd("predict", tagger, "--file", asked, "--out", out, "--batch", 4, code=0)
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == list(range(len(TEXTS)))
    assert out.read_bytes().startswith(b"".join(lines[:left]))
    assert (f"has {left} text" in result.stderr) is (left > 0)
    assert not list(tmp_path.glob("out.jsonl.*"))


def test_other_options_and_other_texts_are_refused(whole, finkd, tagger, asked, tmp_path):
    out, part = tmp_path / "out.jsonl", tmp_path / "out.jsonl.unfinished"
    broken = tmp_path / "broken.jsonl"
    broken.write_text(asked.read_text() + "{\n")
    result = finkd("predict", tagger, "--file", broken, "--out", out, code=1)
    assert "broken.jsonl:21" in result.stderr
    assert len(part.read_text().splitlines()) == len(TEXTS)  # what stands before the broken line is kept
    again = ("predict", tagger, "--out", out, "--file")
    titles = tmp_path / "titles.jsonl"
    titles.write_text(asked.read_text().replace('"text"', '"title"'))
    other_format = {"fp32": "bf16", "bf16": "fp32"}[resolve_precision("auto")]
    for changed in ((broken, "--min-score", 0.5), (titles, "--field", "title"), (broken, "--precision", other_format)):
        assert "with another model or other options" in finkd(*again, *changed, code=2).stderr
    other = tmp_path / "other.jsonl"
    other.write_text(asked.read_text().replace('"id": 3}', '"id": 33}'))
    assert f"{part}:4: is not what the file of texts says" in finkd(*again, other, code=2).stderr
    finkd(*again, asked, code=0)
    assert "exists" in finkd(*again, asked, code=2).stderr


def test_only_the_files_of_the_model_decide_the_entities(tmp_path):
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).touch()
    before = _made_by(tmp_path, "fp32")
    (tmp_path / f"distilled-held-out{SUFFIX}").write_text("{}")  # 'finkd distill' writes its records beside the model
    assert _made_by(tmp_path, "fp32") == before
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert _made_by(tmp_path, "fp32") != before


def test_refuses_what_has_no_effect(finkd, tagger, asked, tmp_path):
    assert "--json" in finkd("predict", tagger, "--file", asked, "--out", tmp_path / "x", "--json", code=2).stderr
    assert "--out" in finkd("predict", tagger, "Acme", "--out", tmp_path / "x", code=2).stderr
