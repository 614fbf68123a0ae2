"""``finkd push``: what goes to the hub, and that nothing goes there in a rehearsal."""

import json
import shutil

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def hub(monkeypatch):
    """The hub's interface, which notes what it is asked for."""
    asked = []

    class Api:
        def create_repo(self, name, **options):
            asked.append(("create", name, options))
            return f"https://hub.example/{name}"

        def create_commit(self, name, operations, **options):
            asked.append(("commit", name, sorted(each.path_in_repo for each in operations)))

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    return asked


def test_a_rehearsal_pushes_nothing(finkd, tagger, hub):
    result = finkd("push", tagger, "me/small", "--dry-run", code=0)
    assert "model.safetensors  " in result.stdout
    assert "5 files would be pushed to me/small" in result.stderr
    assert hub == []
    assert json.loads(finkd("push", tagger, "me/small", "--dry-run", "--json", code=0).stdout)["pushed"] is False


def test_model_card_and_graph_go_in_one_commit(finkd, tagger, graph, hub):
    result = finkd("push", tagger, "me/small", "--graph", graph, "--private", code=0)
    assert "pushed to https://hub.example/me/small" in result.stderr
    (_, name, options), (_, _, files) = hub
    assert (name, options["private"]) == ("me/small", True)
    assert {"README.md", "model.safetensors", "tokenizer.json", "onnx/model.onnx", "onnx/tokenizer.json"} <= set(files)


def test_other_files_stay(finkd, tagger, hub, tmp_path):
    shutil.copytree(tagger, tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("private")
    finkd("push", tmp_path / "model", "me/small", code=0)
    assert "notes.txt" not in hub[1][2]


def test_weights_in_several_files_go_along(finkd, tagger, hub, tmp_path):
    shutil.copytree(tagger, tmp_path / "model")
    for name in ("model-00001-of-00002.safetensors", "model.safetensors.index.json", "special_tokens_map.json"):
        (tmp_path / "model" / name).write_text("{}")
    finkd("push", tmp_path / "model", "me/small", code=0)
    assert {"model-00001-of-00002.safetensors", "model.safetensors.index.json", "special_tokens_map.json"} <= set(
        hub[1][2]
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{tagger}", "small"), "expected OWNER/NAME"),
        (("{empty}", "me/small"), "holds no model"),
        (("{tagger}", "me/small", "--graph", "{empty}"), "holds no graph"),
    ],
)
def test_what_cannot_be_pushed_is_said(arguments, said, finkd, tagger, hub, tmp_path):
    places = {"{tagger}": tagger, "{empty}": tmp_path}
    result = finkd("push", *(places.get(each, each) for each in arguments), code=2)
    assert said in result.stderr
    assert hub == []


def test_a_hub_that_cannot_be_reached_is_said(finkd, tagger, monkeypatch):
    def refuse(*_, **__):
        raise ConnectionError("no route to host\nmore")

    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", refuse)
    result = finkd("push", tagger, "me/small", "--json", code=1)
    assert result.stdout == ""  # a script would take it for pushed
    assert "me/small: cannot be pushed (no route to host); is 'hf auth login' done?" in result.stderr
