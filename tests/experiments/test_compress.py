"""``finkd compress`` by the real command: every method, healed and not, and what cannot be done."""

import json

import pytest

from finkd.experiments.commands.compress import METHODS
from finkd.models.loading import load_model
from tests.finkd.toys import LABELS, tiny_model

pytestmark = pytest.mark.slow

QUICK = {
    "factorize": ("--set", "rank=8"),
    "decompose": ("--set", "budget=0.5"),
    "sparsify": ("--set", "schedule={epochs: 1, precision: fp32}"),
    "quantize": ("--set", "schedule={epochs: 1, precision: fp32}"),
}


@pytest.fixture
def tagger(tmp_path):
    folder = tmp_path / "tagger"
    tiny_model(labels=LABELS, layers=3).save(folder)
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_a_smaller_model_that_loads(method, finkd, tagger, corpus, tmp_path):
    out = tmp_path / "out" / method
    result = finkd(
        "compress",
        tagger,
        "--method",
        method,
        "--corpus",
        corpus,
        "--out",
        out,
        "--json",
        *QUICK.get(method, ()),
        code=0,
    )
    found = json.loads(result.stdout)
    if method in ("sparsify", "quantize"):
        assert found["after"]["packed_bytes"] < found["before"]["bytes"]
        assert found["before"]["packed_bytes"] is None
    else:
        assert found["after"]["parameters"] < found["before"]["parameters"]
        assert found["after"]["bytes"] < found["before"]["bytes"]
    assert found["after"]["scores"]["micro"].keys() == found["before"]["scores"]["micro"].keys()
    count = sum(p.numel() for p in load_model(out).network.parameters())
    assert count == found["after"]["parameters"]


def test_a_tagger_is_scored_whatever_the_order_of_its_labels(finkd, corpus, tmp_path):
    tiny_model(labels=LABELS[::-1]).save(tmp_path / "tagger")
    command = ("compress", tmp_path / "tagger", "--method", "tie-layers", "--corpus", corpus)
    found = json.loads(finkd(*command, "--out", tmp_path / "out" / "tied", "--json", code=0).stdout)
    assert found["before"]["scores"] is not None
    assert found["after"]["scores"] is not None


def test_it_heals_by_what_it_was(finkd, tagger, corpus, tmp_path):
    out = tmp_path / "out" / "healed"
    heal = "task-distill:gold(schedule.epochs=1, schedule.precision=fp32)"
    command = ("compress", tagger, "--method", "tie-layers", "--corpus", corpus, "--heal", heal, "--out", out)
    result = finkd(*command, code=0)
    assert "| before |" in result.stdout
    assert "| after |" in result.stdout
    assert "healed seed-1 task-distill:gold" in result.stderr or "task-distill:gold: begins" in result.stderr
    assert load_model(out).network.config.slim["shared"] == "all"


def test_a_single_file_is_divided(finkd, tagger, corpus, tmp_path):
    file = tmp_path / "one.conll"
    file.write_text((corpus / "train.conll").read_text() + (corpus / "test.conll").read_text())
    command = ("compress", tagger, "--method", "tie-layers", "--corpus", file, "--out", tmp_path / "out" / "tied")
    found = json.loads(finkd(*command, "--json", code=0).stdout)
    assert found["after"]["scores"]["words"] < sum(bool(line) for line in file.read_text().splitlines())


def test_an_encoder_needs_no_corpus(finkd, teacher, tmp_path):
    finkd("compress", teacher, "--method", "prune", "--set", "by=magnitude", "--out", tmp_path / "out" / "x", code=0)
    assert load_model(tmp_path / "out" / "x").labels == ()


def test_what_would_be_lost_is_not_replaced(finkd, tagger, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "full" / "setup.py").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()
    tiny_model().save(tmp_path / "other")
    full, file = (tmp_path / "full", "holds other files"), (tmp_path / "file", "is a file")
    other = (tmp_path / "other", "holds other files")  # another program's model, or one that was trained further
    for out, said in (full, file, other, (tagger, "holds what is read"), (tmp_path, "is read")):
        for command in (("compress", tagger, "--method", "tie-layers"), ("export", tagger, "--to", "onnx")):
            result = finkd(*command, "--out", out, code=2)
            assert said in result.stderr
    assert (tmp_path / "full" / "thesis.tex").is_file()
    for _ in range(2):  # its own work may be replaced
        result = finkd("compress", tagger, "--method", "tie-layers", "--out", tmp_path / "out" / "x", code=0)


def test_each_model_has_a_folder_of_its_own(finkd, tagger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finkd("compress", tagger, "--method", "tie-layers", code=0)
    assert load_model(tmp_path / "runs" / "compressed" / "tagger-tie-layers").labels == LABELS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--method", "prune", "--set", "fraction=1.5"), "fraction"),
        (("--method", "prune"), "taylor: asks the loss of a tagger"),
        (("--method", "decompose"), "expected one of rank, energy and budget"),
        (("--method", "factorize", "--set", "rank=4000"), "factorize.rank: expected 2 to 31"),
        (("--method", "tie-layers", "--heal", "finetune"), "--heal: needs a labelled corpus"),
        (("--method", "tie-layers", "--set", "colour=1"), "unknown setting"),
    ],
)
def test_mistakes_are_one_line(arguments, said, finkd, teacher, tmp_path):
    result = finkd("compress", teacher, "--out", tmp_path / "out" / "x", *arguments, code=2)
    assert said in result.stderr
    assert not (tmp_path / "out" / "x").exists()
