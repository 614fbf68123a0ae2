"""``finkd teachers``."""

import json

import pytest

from finkd.corpora.errors import UnavailableError
from finkd.models import packages, pretrained
from finkd.models.pretrained import DEFAULT, LARGE


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """Neither a cache of the hub nor packages."""
    monkeypatch.setattr(pretrained, "_from_hub", lambda name, offline: None)
    monkeypatch.setattr(packages, "find", lambda model: None)


def test_teachers_are_listed_with_their_folders(finkd, monkeypatch, tmp_path):
    monkeypatch.setattr(packages, "find", lambda model: tmp_path if model is pretrained.PACKAGED[DEFAULT] else None)
    rows = {row["name"]: row["folder"] for row in json.loads(finkd("teachers", "--json", code=0).stdout)}
    assert rows.keys() == pretrained.KNOWN.keys()
    assert rows[DEFAULT] == str(tmp_path)
    assert rows[LARGE] is None
    assert f"{LARGE}\n  MPNet, 12 layers" in finkd("teachers", code=0).stdout


def test_a_teacher_is_fetched_and_its_folder_told(finkd, monkeypatch, tmp_path):
    monkeypatch.setattr(packages, "fetch", lambda model: tmp_path)
    assert f"{LARGE}: {tmp_path}" in finkd("teachers", "--fetch", LARGE, code=0).stderr


def test_what_cannot_be_fetched_is_one_line(finkd, monkeypatch):
    def fails(model):
        raise UnavailableError("pip cannot download them")

    monkeypatch.setattr(packages, "fetch", fails)
    (*_, last) = finkd("teachers", "--fetch", LARGE, code=1).stderr.splitlines()
    assert last == "finkd: pip cannot download them"
    assert "neither a local folder" in finkd("teachers", "--fetch", "no/such-model", code=1).stderr
