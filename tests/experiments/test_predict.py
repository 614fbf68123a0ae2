"""``finkd predict``: what it writes beside the fields of a record."""

import json

import pytest

from tests.finkd.toys import LABELS, tiny_model


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict") / "tagger"
    folder.mkdir()
    tiny_model(labels=LABELS, seed=5).save(folder)
    return folder


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ({"entities": [1], "id": 7}, {"input_entities": [1], "id": 7}),
        ({"entities": 1, "input_entities": 2}, {"input_input_entities": 1, "input_entities": 2}),
        ({"input_entities": 2}, {"input_entities": 2}),
    ],
)
def test_entities_of_the_input_are_kept_under_another_name(record, kept, tagger, tmp_path, finkd):
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps({"text": "Acme lent money.", **record}) + "\n")
    result = finkd("predict", tagger, "--file", path, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    alone = json.loads(finkd("predict", tagger, "Acme lent money.", "--json").stdout)
    assert found == {**alone, **kept}


def test_a_text_may_lie_under_entities(tagger, tmp_path, finkd):
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps({"entities": "Acme lent money."}) + "\n")
    found = json.loads(finkd("predict", tagger, "--file", path, "--field", "entities", "--json").stdout)
    assert found["input_entities"] == "Acme lent money."
    assert isinstance(found["entities"], list)


def test_help_says_that_a_page_is_held(finkd):
    assert "held until the end" in " ".join(finkd("predict", "--help").stdout.replace("│", " ").split())
