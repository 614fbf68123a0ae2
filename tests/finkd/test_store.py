import hashlib
import json
import logging
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.errors import StoreError, UnavailableError
from finkd.store import MANIFEST, UNFINISHED, Store, address

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), JSON, max_size=5), st.randoms())
def test_an_address_does_not_depend_on_the_order_of_keys(material, random):
    keys = list(material)
    random.shuffle(keys)
    assert address({key: material[key] for key in keys}) == address(material)


def test_an_address_depends_on_every_value():
    materials = [{"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, {"a": {"a": 1}}, {}]
    assert len({address(material) for material in materials}) == len(materials)


def test_an_address_is_the_hash_of_canonical_json():
    canonical = b'{"name":"\xc3\xa9","seed":1}'
    assert address({"seed": 1, "name": "é"}) == hashlib.sha256(canonical).hexdigest()[:32]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    with store.put("key", {"tokens": 7}) as folder:
        (folder / "weights").write_bytes(bytes(range(256)))
        (folder / "sub").mkdir()
        (folder / "sub" / "config.json").write_text("{}")
    return store


def test_what_is_put_is_found(store):
    entry = store.get("key")
    assert entry.facts == {"tokens": 7}
    assert (entry.folder / "weights").read_bytes() == bytes(range(256))
    assert store.get("other") is None


def test_facts_may_be_filled_while_the_entry_is_made(tmp_path):
    facts = {}
    with Store(tmp_path).put("key", facts) as folder:
        (folder / "weights").write_text("w")
        facts["seconds"] = 0.1 + 0.2
    assert Store(tmp_path).get("key").facts == {"seconds": 0.1 + 0.2}


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


DAMAGES = {
    "deleted": lambda path: path.unlink(),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "flipped": flip,
    "emptied": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("name", ["weights", "sub/config.json", MANIFEST])
@pytest.mark.parametrize("damage", list(DAMAGES))
def test_a_damaged_file_is_named_and_never_used(store, caplog, name, damage):
    DAMAGES[damage](store.root / "key" / name)
    with caplog.at_level(logging.WARNING):
        found = store.get("key")
    if name == MANIFEST and damage == "cut":
        # The manifest's last byte is a line break, without which it still says the same.
        assert found is not None
        return
    assert found is None
    assert name in caplog.text
    assert "computed again" in caplog.text


@pytest.mark.parametrize("key", ["facts", "files", "digest"])
def test_a_manifest_that_was_edited_is_damaged(store, caplog, key):
    path = store.root / "key" / MANIFEST
    manifest = json.loads(path.read_text())
    manifest[key] = {"tokens": 8}
    path.write_text(json.dumps(manifest))
    assert store.get("key") is None
    assert MANIFEST in caplog.text


def test_a_damaged_entry_is_replaced(store):
    (store.root / "key" / "weights").unlink()
    with store.put("key", {"tokens": 8}) as folder:
        (folder / "weights").write_text("new")
    assert store.get("key").facts == {"tokens": 8}
    assert not (store.root / "key" / "sub").exists()


def test_an_exception_leaves_nothing_behind(tmp_path):
    store = Store(tmp_path / "store")

    def interrupted():
        with store.put("key", {}) as folder:
            (folder / "weights").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert store.get("key") is None
    assert list(store.root.iterdir()) == []


def test_an_exception_keeps_the_entry_that_was_there(store):
    def interrupted():
        with store.put("key", {}):
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        interrupted()
    assert store.get("key").facts == {"tokens": 7}


def test_an_entry_appears_only_when_it_is_whole(store):
    with store.put("next", {}) as folder:
        (folder / "weights").write_text("w")
        assert store.get("next") is None
    assert store.get("next") is not None


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"), Store(tmp_path / "file" / "store").put("key", {}):
        pass


@pytest.mark.parametrize("begin", [Store.turn, lambda store, key: store.put(key, {})])
def test_what_goes_wrong_in_the_work_is_no_error_of_the_store(store, begin):
    with pytest.raises(UnavailableError, match=r"^the teacher is not here$"), begin(store, "next"):
        raise UnavailableError("the teacher is not here")


def test_a_store_in_use_is_not_pruned(store):
    refused = pytest.raises(StoreError, match="in use by another finkd run")
    with store.in_use(), Store(store.root).in_use(), refused, store.alone():
        pass
    with store.alone():
        store.remove("key")
    assert store.get("key") is None


def test_what_is_being_written_is_not_removed(store):
    with store.put("0" * 32, {}) as folder:
        (folder / "weights").write_text("w")
        (unfinished,) = (entry for entry in Store(store.root).entries() if entry.kind == UNFINISHED)
        Store(store.root).clean()
        Store(store.root).remove(unfinished.key)
    assert store.get("0" * 32) is not None


@pytest.mark.parametrize(
    ("look", "name", "found"),
    [
        (lambda store: list(store.entries()), MANIFEST, []),
        *((lambda store: store.problem("0" * 32), name, "") for name in (MANIFEST, "weights")),
    ],
)
def test_an_entry_that_a_run_removes_meanwhile_is_passed_over(look, name, found, store, monkeypatch):
    key = "0" * 32
    with store.put(key, {}) as folder:
        (folder / "weights").write_text("w")
    opened = Path.open

    def removed(path, *arguments, **settings):
        if path.name == name:
            shutil.rmtree(store.root / key, ignore_errors=True)
        return opened(path, *arguments, **settings)

    monkeypatch.setattr(Path, "open", removed)
    assert look(store) == found


def test_what_another_process_is_filling_is_waited_for(tmp_path):
    """Two runs beside each other want the same entry; the second takes what the first has made."""
    filled, inside, go_on = [], threading.Event(), threading.Event()

    def fill(folder):
        filled.append(folder)
        inside.set()
        go_on.wait(10)
        (folder / "file").write_text("whole")

    key = address({"a": 1})
    first = threading.Thread(target=Store(tmp_path).made, args=(key, {}, fill))
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=Store(tmp_path).made, args=(key, {}, fill))
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)
    assert len(filled) == 1
    assert [path.name for path in tmp_path.iterdir()] == [key]
