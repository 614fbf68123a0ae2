"""Results of one configuration, on the same data, in one folder."""

import json

import pytest

from finkd.corpora.errors import ConfigError
from finkd.experiments.configuration.experiment import from_settings
from finkd.experiments.configuration.layout import RECORDS, SETTINGS
from finkd.experiments.running.claim import claim, joined_settings
from finkd.experiments.running.prepared import Prepared

SYSTEM = {"systems": {"student": {}}, "seeds": [1]}


@pytest.fixture
def folder(tmp_path):
    """A folder with a result on some data."""
    (tmp_path / RECORDS).mkdir()
    (tmp_path / RECORDS / "student-seed-1.record.json").touch()
    claim(tmp_path, joined_settings(tmp_path, SYSTEM, {"corpus": "a", "text": "b"}, "*.record.json"))
    return tmp_path


def joined(folder, data):
    return joined_settings(folder, {**SYSTEM, "seeds": [2]}, data, "*.record.json")


def test_seeds_on_the_same_data_join(folder):
    found = joined(folder, {"corpus": "a", "text": "b", "model x": "c"})
    assert found == {**SYSTEM, "seeds": [1, 2], "data": {"corpus": "a", "text": "b", "model x": "c"}}
    assert joined(folder, {"corpus": "a"})["data"] == {"corpus": "a", "text": "b"}


def test_seeds_on_other_data_are_refused(folder):
    with pytest.raises(ConfigError, match=r"holds results of other data \(text\); choose another --out"):
        joined(folder, {"corpus": "a", "text": "changed"})


@pytest.mark.parametrize("data", ["a", None])
def test_folders_of_earlier_versions_join(data, folder):
    kept = {**SYSTEM, "data": data} if data else SYSTEM
    (folder / SETTINGS).write_text(json.dumps(kept))
    assert joined(folder, {"corpus": "a", "text": "b"})["data"] == {"corpus": "a", "text": "b"}
    if data:
        with pytest.raises(ConfigError, match=r"other data \(corpus\)"):
            joined(folder, {"corpus": "b"})


def test_all_that_an_experiment_reads_is_known_by_its_content(settings, tmp_path):
    """A file of predictions, a raw text and a model that change under their names are told apart."""
    text, labelled = tmp_path / "raw.txt", tmp_path / "labelled.conll"
    systems = {**settings["systems"], "finished": {"role": "teacher", "teacher": [f"predictions:{labelled}"]}}
    systems["Domain student"] = {**systems["Domain student"], "teacher": "teacher"}

    def read(word):
        text.write_text("".join(f"The {word} number {place} was paid in full .\n" for place in range(9)))
        labelled.write_text(f"{word} B-ORG\nlent O\n\nThe O\nLender B-PER\n")
        raw = {"corpus": str(text), "sentences": 5}
        experiment = from_settings({**settings, "text": raw, "systems": systems})
        return Prepared(experiment, tmp_path / "store").read

    before, after = read("loan"), read("bond")
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"text", f"systems.finished.teacher, predictions:{labelled}"}
    assert {"corpus", f"model {settings['teacher']}"} == before.keys() - changed
