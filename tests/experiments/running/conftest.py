"""An experiment with two teachers of different families."""

import copy

import pytest

from tests.finkd.toys import tiny_model
from tests.toys import roberta


@pytest.fixture
def big(tmp_path):
    """A wider encoder of another family, with another tokenizer."""
    folder = tmp_path / "big"
    folder.mkdir()
    tiny_model(roberta(), layers=3, width=48, family="roberta").save(folder)
    return folder


@pytest.fixture
def two_teachers(settings, big):
    """The toy experiment with a teacher of another family and one like the student; more systems are to be added."""
    settings = copy.deepcopy(settings)
    settings["systems"] = {
        "big": {"role": "teacher", "strategy": "finetune", "start": str(big)},
        "own": {"role": "teacher", "strategy": "finetune"},
    }
    return settings
