"""A toy experiment with a search space, and studies in a temporary database."""

import pytest
import yaml

SPACE = {
    "systems.student.strategy": {
        "choices": ["truncate-layers > finetune", "truncate-layers > replace-vocabulary > finetune"]
    },
    "stages.truncate-layers.layers": {"choices": [[1], [0]]},
    "stages.finetune.schedule.learning_rate": {"low": "1e-3", "high": "1e-1", "log": True},
    "stages.replace-vocabulary.size": {"low": 90, "high": 110, "step": 10},
}


@pytest.fixture(scope="session")
def tuned(settings, tmp_path_factory):
    """Settings of an experiment whose student is tuned; its corpus has a validation split beside the test split."""
    corpus = tmp_path_factory.mktemp("tuned")
    (corpus / "train.conll").write_text(TRAIN)
    (corpus / "validation.conll").write_text("Sachs B-ORG\nlent O\n\nThe O\nLender B-PER\nand O\nGoldman B-ORG\n")
    (corpus / "test.conll").write_text("Secret B-ORG\nnames O\n\nNobody B-PER\nsees O\nthem O\n")
    systems = {
        "teacher": {"role": "teacher", "strategy": "finetune"},
        "student": {"strategy": "truncate-layers > finetune"},
    }
    search = {"space": SPACE, "seeds": [1], "prune": False}
    return {
        **settings,
        "name": "study",
        "corpus": str(corpus),
        "split": "validation",
        "systems": systems,
        "search": search,
    }


TRAIN = "Goldman B-ORG\nSachs I-ORG\nlent O\nmoney O\n\nThe O\nLender B-PER\nagrees O\n\nAcme B-ORG\nlent O\n"


@pytest.fixture
def config_of(tmp_path):
    """Writes settings down; gives the file."""

    def write(settings):
        path = tmp_path / "tuned.yaml"
        path.write_text(yaml.safe_dump(settings, sort_keys=False))
        return path

    return write
