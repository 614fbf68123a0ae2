"""Stages and families of models: what the check before work lets pass runs, and the rest is refused in one line."""

import copy

import pytest
import torch
import transformers

from finkd.compression.pruning import keep_parts
from finkd.corpora.errors import ConfigError
from finkd.models.heads import with_head, with_masked_head
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.settings import build
from finkd.stages import stages
from finkd.strategies.parsing import parse
from finkd.strategies.strategy import Step
from tests.contracts.test_stages import SMALL
from tests.finkd.toys import LABELS, context, tiny_model
from tests.toys import handmade, wordpiece_uncased

pytestmark = pytest.mark.slow

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
ROOM = {"vocab_size": 260, "max_position_embeddings": 130, "pad_token_id": 0}


def _network(name, **settings):
    config = getattr(transformers, f"{name}Config")(**{**SIZES, **ROOM, **settings})
    return getattr(transformers, f"{name}Model")(config)


def _slim():
    model = tiny_model(layers=3)
    return keep_parts(model, "heads", [torch.tensor([0]), torch.tensor([0, 1]), torch.tensor([1])]).network


FAMILIES = {
    "bert": lambda: tiny_model(layers=3).network,
    "roberta": lambda: tiny_model(layers=3, family="roberta").network,
    "distilbert": lambda: tiny_model(layers=3, family="distilbert").network,
    "slim bert": _slim,
    "xlm-roberta": lambda: _network("XLMRoberta", type_vocab_size=1),
    "electra": lambda: _network("Electra", embedding_size=16),
    "albert": lambda: _network("Albert", embedding_size=16),
    "mpnet": lambda: _network("MPNet", pad_token_id=1),
    "deberta": lambda: _network("DebertaV2", relative_attention=True, pos_att_type=["p2c", "c2p"]),
    "modernbert": lambda: _network("ModernBert", cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3),
}
REFUSED = {
    "roberta": {"compress:factorize"},
    "distilbert": {"compress:factorize"},
    "slim bert": {"compress:tensorize", "compress:tie-layers"},
}
"""Of the architectures that finkd is made for; the others are refused more."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A saved model of random weights of each family, with and without a tagging head."""
    made = {}

    def folder(family, labels):
        if (family, labels) not in made:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1)
                model = Model(FAMILIES[family]().eval(), wordpiece_uncased())
            path = made[family, labels] = tmp_path_factory.mktemp("family")
            (with_head(model, labels, 1) if labels else model).save(path)
        return made[family, labels]

    return folder


def refused(step, folder):
    """What the check before work says; empty if it lets the stage pass."""
    try:
        step.stage.validate(ModelSpec.of(str(folder), LABELS))
    except ConfigError as error:
        return str(error)
    return ""


COMBINATIONS = [
    pytest.param(family, name, labels, id=f"{family}-{name}-{'tagger' if labels else 'encoder'}")
    for family in FAMILIES
    for name in stages
    for labels in ((), LABELS)
    if not labels or family in ("bert", "mpnet")
]


@pytest.mark.parametrize(("family", "name", "labels"), COMBINATIONS)
def test_the_check_before_work_and_the_stage_agree(family, name, labels, folders, tmp_path):
    folder = folders(family, labels)
    step = Step(name, build(stages.get(name), SMALL.get(name, {}), name))
    if refusal := refused(step, folder):
        assert "\n" not in refusal
        assert name in REFUSED.get(family, stages)
        with pytest.raises(ConfigError):
            step.stage.run(load_model(folder), context(tmp_path))
        return
    assert name not in REFUSED.get(family, ())
    result, _ = step.stage.run(load_model(folder), context(tmp_path))
    (tmp_path / "saved").mkdir()
    result.save(tmp_path / "saved")
    load_model(tmp_path / "saved")


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("compress:factorize(rank=8) > adapt:gold", "adapt: cannot train the masked-LM head .* 'electra'"),
        ("truncate-layers(layers=[0]) > compress:factorize(rank=40)", "rank: expected 2 to 31"),
        ("replace-vocabulary(tokenizer={tokenizer}) > adapt:gold", "adapt: the tokenizer has no mask token"),
    ],
)
def test_a_stage_that_cannot_follow_is_refused(strategy, message, folders, tmp_path):
    handmade("plain", *"abc").save(tmp_path / "tokenizer")
    steps = parse(strategy.replace("{tokenizer}", str(tmp_path / "tokenizer")), {})
    with pytest.raises(ConfigError, match=message):
        steps.validate(ModelSpec.of(str(folders("bert", ()))))


def test_a_tagger_of_other_labels_is_refused_unless_its_head_goes(folders):
    folder, other = str(folders("bert", LABELS)), ("O", "B-X", "I-X")
    with pytest.raises(ConfigError, match=r"the model's labels .* do not match the corpus"):
        parse("truncate-layers > finetune", {}).validate(ModelSpec.of(folder, other))
    (made,) = parse("truncate-layers", {}).validate(ModelSpec.of(folder, other))
    with pytest.raises(ConfigError, match="do not match the corpus"):
        made.check_corpus()
    *_, made = parse("adapt:gold > finetune", {}).validate(ModelSpec.of(folder, other))
    made.check_corpus()


def test_the_pooler_of_an_encoder_is_left_out_under_a_masked_head(folders):
    model = load_model(folders("mpnet", ()))
    before = copy.deepcopy(model.encoder.state_dict())
    kept = with_masked_head(model, 1).encoder.state_dict()
    assert {name for name in before if name not in kept} == {"pooler.dense.weight", "pooler.dense.bias"}
