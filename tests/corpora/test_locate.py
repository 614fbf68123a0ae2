"""Finding files: the order of places, checksums, and what offline means. Downloads go through file:// addresses."""

import hashlib

import pytest

from finkd.corpora.corpus import Source
from finkd.corpora.errors import DataError, UnavailableError
from finkd.corpora.locate import is_offline, locate

CONTENT = b"word O\n"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
NAME = "ner/x/x.txt"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("FINKD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FINKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path


def put(path, content=CONTENT):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_data_folder_then_cache_then_origin(places):
    origin = put(places / "origin.txt")
    source = Source(CHECKSUM, origin.as_uri())
    cached = places / "cache/corpora" / NAME
    assert locate(NAME, source) == cached
    assert cached.read_bytes() == CONTENT
    origin.unlink()
    assert locate(NAME, source) == cached
    found_first = put(places / "data" / NAME)
    assert locate(NAME, source) == found_first


def test_other_bytes_are_refused(places):
    put(places / "data" / NAME, b"changed")
    with pytest.raises(DataError, match=r"x\.txt: found SHA-256 .*; expected .*changed or truncated, fetch it again"):
        locate(NAME, Source(CHECKSUM))


def test_a_wrong_download_leaves_nothing_behind(places):
    origin = put(places / "origin.txt", b"something else")
    with pytest.raises(DataError, match=r"origin\.txt: found SHA-256"):
        locate(NAME, Source(CHECKSUM, origin.as_uri()))
    assert not (places / "cache").exists()


def test_derived_files_have_no_origin():
    with pytest.raises(UnavailableError, match=r"^ner/x/x\.txt: not in FINKD_DATA .* no origin .*; set FINKD_DATA"):
        locate(NAME, Source(CHECKSUM))


def test_a_failed_download_is_one_line(places):
    with pytest.raises(UnavailableError, match="the download failed") as caught:
        locate(NAME, Source(CHECKSUM, (places / "gone.txt").as_uri()))
    assert "\n" not in str(caught.value)


def test_offline_tries_no_connection(places, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("a connection was tried"))
    assert is_offline()
    with pytest.raises(UnavailableError, match="HF_HUB_OFFLINE forbids a download; set FINKD_DATA"):
        locate(NAME, Source(CHECKSUM, put(places / "origin.txt").as_uri()))
