"""Stages and families of models: what the check before work lets pass runs, and the rest is refused in one line."""

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from transformers.models.auto.configuration_auto import model_type_to_module_name
from transformers.models.auto.modeling_auto import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES

from finkd.compression.pruning import keep_parts
from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.export.loading import load_tagger
from finkd.export.onnx_export import export_onnx
from finkd.inference import tagger
from finkd.inference.tagger import sentence_logits
from finkd.models.config_file import PADDING_FIRST, positions
from finkd.models.families import FAMILIES, Family
from finkd.models.heads import with_head, with_masked_head
from finkd.models.loading import load_model
from finkd.models.spec import ModelSpec
from finkd.models.truncation import keep_layers
from finkd.settings import build
from finkd.stages import stages
from finkd.strategies.parsing import parse
from finkd.strategies.strategy import Step
from tests.contracts.test_stages import SMALL, TAGGERS
from tests.finkd.toys import LABELS, SENTENCES, context, tiny_model
from tests.toys import handmade, wordpiece_uncased

pytestmark = pytest.mark.slow


def _slim():
    model = tiny_model(layers=3)
    return keep_parts(model, "heads", [torch.tensor([0]), torch.tensor([0, 1]), torch.tensor([1])])


MODELS = {**{name: partial(each.tiny, wordpiece_uncased()) for name, each in FAMILIES.items()}, "slim bert": _slim}
REFUSED = {
    "roberta": {"compress:factorize"},
    "distilbert": {"compress:factorize", "embed-case"},
    "slim bert": {"compress:tensorize", "compress:tie-layers"},
}
"""Of the architectures that finkd is made for; the others are refused more."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A saved model of random weights of each family, with and without a tagging head."""
    made = {}

    def folder(family, labels):
        if (family, labels) not in made:
            model = MODELS[family]()
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
    for family in MODELS
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
        assert name in REFUSED.get(family, stages) or (name in TAGGERS and not labels)
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


_OWN_MATRICES = ("albert", "deberta-v2", "modernbert", "mpnet")
"""Families with other matrices than BERT's, whose graph in 8 bits tests/finkd/export looks at."""


@pytest.mark.parametrize(
    ("family", "kind"), [*((each, "onnx") for each in FAMILIES), *((each, "onnx-int8") for each in _OWN_MATRICES)]
)
def test_a_tagger_of_each_family_is_exported(family, kind, tmp_path):
    layers = 2 if family in ("albert", "modernbert") else 1  # whose second layer is the first again, or of another kind
    sizes = {**FAMILIES[family].sizes, "num_hidden_layers": layers, "n_layers": layers}  # DistilBERT's name for them
    model = with_head(replace(FAMILIES[family], sizes=sizes).tiny(wordpiece_uncased()), LABELS, 1)
    export_onnx(model, tmp_path / "graph", kind)
    graph = load_tagger(str(tmp_path / "graph"))
    found, expected = (np.concatenate([*sentence_logits(SENTENCES, each)]) for each in (graph, model))
    assert np.abs(found - expected).max() < (1e-4 if kind == "onnx" else 0.05)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tagger_of_each_family_reads_as_many_tokens_as_it_says(family, folders, monkeypatch):
    model = load_model(folders(family, LABELS))
    assert model.max_length == positions(model.network.config.to_dict())
    long = Sentence.from_words(["lent"] * model.max_length)
    monkeypatch.setattr(tagger, "WINDOW", model.max_length)
    (scores,) = sentence_logits([long], model)
    assert np.isfinite(scores).all()


def test_families_that_count_positions_from_the_padding_id_are_those_of_transformers():
    """A rule over the library's code: a model that numbers positions itself calls one function."""
    root = Path(transformers.__file__).parent / "models"
    found = {
        kind
        for kind in MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES
        for path in (root / model_type_to_module_name(kind)).glob("modeling_*.py")
        if "create_position_ids_from_input_ids" in path.read_text(encoding="utf-8")
    }
    assert found == {*PADDING_FIRST}


def _other(name, **sizes):
    """A family of which contract tests hold only what stands here."""
    return Family(name, name, "", sizes, padding=1).tiny(wordpiece_uncased())


def test_settings_for_each_layer_are_cut_with_the_layers(tmp_path):
    keep_layers(_other("Longformer", attention_window=16), [0, 2]).save(tmp_path)
    model = load_model(tmp_path)
    assert model.network.config.attention_window == [16, 16]
    (scores, *_) = sentence_logits(SENTENCES, with_head(model, LABELS, 1))
    assert np.isfinite(scores).all()


def test_layers_are_not_chosen_where_other_weights_depend_on_them(tmp_path):
    _other("Esm").save(tmp_path)
    with pytest.raises(ConfigError, match="layers of 'esm' cannot be chosen"):
        parse("truncate-layers > finetune", {}).validate(ModelSpec.of(str(tmp_path), LABELS))


def test_a_network_that_cannot_be_exported_is_refused_in_one_line(tmp_path):
    model = with_head(_other("Longformer", attention_window=16), LABELS, 1)
    with pytest.raises(ConfigError, match=r"torch\.onnx cannot export a network of the kind 'longformer'") as error:
        export_onnx(model, tmp_path / "graph")
    assert "\n" not in str(error.value)
