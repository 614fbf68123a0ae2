"""Starting from a tagger that was trained for other labels."""

from contextlib import contextmanager

import pytest
import torch

from finkd.corpora.errors import ConfigError
from finkd.execution import lineage
from finkd.execution.strategy_teachers import StrategyTeachers
from finkd.inference.tagger import sentence_logits
from finkd.models.loading import load_model
from finkd.models.pretrained import fingerprint
from finkd.models.spec import ModelSpec
from finkd.stages.replace_head import ReplaceHead
from finkd.store import Store
from finkd.strategies.parsing import parse
from tests.finkd.toys import LABELS, SENTENCES, context, tiny_model

pytestmark = pytest.mark.slow

THEIRS = ("I-PERSON", "B-PERSON", "B-MISC", "O", "I-ORG", "S-ORG", "B-ORG")


@pytest.fixture(params=["bert", "roberta", "distilbert"])
def folder(request, tmp_path):
    path = tmp_path / "tagger"
    path.mkdir()
    tiny_model(labels=THEIRS, family=request.param).save(path)
    return str(path)


def run(strategy, folder, tmp_path):
    steps = parse(strategy, {"finetune": {"schedule": {"epochs": 1}}})
    steps.validate(ModelSpec.of(folder, LABELS))
    return lineage.run(folder, fingerprint(folder), steps, context(tmp_path)).load()


def test_rows_of_the_head_are_kept_in_the_order_of_the_corpus(folder, tmp_path):
    made = run("replace-head(labels={PERSON: PER})", folder, tmp_path)
    before = load_model(folder, any_labels=True)
    rows = [THEIRS.index(label.replace("PER", "PERSON")) for label in LABELS]
    assert made.labels == LABELS
    for ours, theirs in zip(sentence_logits(SENTENCES, made), sentence_logits(SENTENCES, before), strict=True):
        torch.testing.assert_close(torch.tensor(ours), torch.tensor(theirs[:, rows]))


def test_a_head_may_go(folder, tmp_path):
    made = run("replace-head(head=drop) > finetune", folder, tmp_path)
    assert made.labels == LABELS


@pytest.mark.parametrize("teacher", ["origin", "truncate-layers"])
def test_a_tagger_with_other_labels_teaches_its_states(teacher, folder, tmp_path):
    settings = {"distill": {"teacher": teacher}, "truncate-layers": {"layers": [0]}}
    where = StrategyTeachers(folder, fingerprint(folder), settings).within(context(tmp_path))
    steps = parse("replace-head(head=drop) > distill:gold(schedule.epochs=0.5)", settings)
    steps.validate(ModelSpec.of(folder, LABELS))
    assert lineage.run(folder, fingerprint(folder), steps, where).load().labels == ()


def test_what_another_run_made_meanwhile_is_read_whatever_its_labels(folder, tmp_path, monkeypatch):
    real = Store.turn

    @contextmanager
    def waiting(store, key):
        monkeypatch.setattr(Store, "turn", real)
        lineage.run(folder, fingerprint(folder), steps, context(tmp_path))
        with real(store, key):
            yield

    steps = parse("truncate-layers(layers=[0])", {})
    monkeypatch.setattr(Store, "turn", waiting)
    outcome = lineage.run(folder, fingerprint(folder), steps, context(tmp_path))
    assert [stage.cached for stage in outcome.lineage] == [True]
    assert outcome.load().labels == THEIRS


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("finetune", "do not match the corpus"),
        ("replace-head > finetune", r"replace-head\.labels: the tagger has no .*B-PER.*drop its head"),
        ("replace-head(head=drop) > replace-head", "replace-head: needs a tagger"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(strategy, message, folder):
    with pytest.raises(ConfigError, match=message):
        parse(strategy, {}).validate(ModelSpec.of(folder, LABELS))


def test_an_encoder_has_no_head_to_map(tmp_path):
    with pytest.raises(ConfigError, match="needs a tagger"):
        ReplaceHead().run(tiny_model(), context(tmp_path))
