"""Which stages can follow which: known before anything is trained, and the same as when they run."""

from contextlib import suppress
from dataclasses import replace

import pytest

from finkd.compression import low_rank
from finkd.corpora.errors import ConfigError
from finkd.experiments.configuration.experiment import System, from_settings
from finkd.experiments.running.prepared import Prepared
from finkd.models.layer_overrides import SLIM_FAMILIES, Slim
from finkd.models.shape import read_shape
from finkd.models.spec import ModelSpec
from finkd.strategies.parsing import parse
from tests.finkd.models.layer_overrides import slim_model
from tests.finkd.toys import LABELS, context, spec_of, tiny_model

pytestmark = pytest.mark.slow

IMPOSSIBLE = {
    "finetune > task-distill:text > compress:tie-layers > compress:prune": "of low rank already; prune before that",
    "finetune > compress:tie-layers > compress:prune(what=layers)": "shared or of low rank already; prune before that",
    "compress:tie-layers(what=attention) > finetune > compress:tie-layers": "tie-layers: the layers are shared already",
    "compress:decompose(budget=0.5) > compress:tie-layers": r"have no mean; share whole ones, or .* \(rank=\)",
    "compress:decompose(rank=4) > task-distill:gold > compress:tie-layers": "have no mean",
    "finetune > compress:prune(scope=model) > compress:tie-layers": r"the layers differ in.*\(scope=layer\)",
    "finetune > compress:prune(scope=model) > compress:prune(what=layers) > compress:tie-layers": "in shape",
    "compress:prune(by=magnitude, scope=model) > truncate-layers(layers=[0,2]) > compress:tie-layers": "in shape",
    "compress:tensorize(budget=0.001)": r"compress:tensorize: no rank fits a budget of 0\.001",
    "compress:decompose(rank=30)": "no matrix would become smaller",
    "compress:tie-layers > finetune > truncate-layers": "truncate-layers: the layers are shared; leave some out",
    "finetune > compress:prune(what=heads) > truncate-layers(width=16)": r"truncate-layers\.width: the layers are slim",
    "adapt > compress:factorize(rank=8) > finetune": r"needs a BERT .* \(got one with a masked-LM head\)",
    "truncate-layers(width=16) > compress:factorize(rank=16)": r"compress:factorize\.rank: expected 2 to 15",
    "truncate-layers(layers=[0]) > truncate-layers(layers=[0, 1])": r"truncate-layers\.layers: expected numbers from 0",
    "adapt > compress:prune > finetune": "compress:prune.by=taylor: asks the loss of a tagger of .*; name",
    "compress:quantize > finetune": "compress:quantize.by=hessian: asks the loss of a tagger",
    "embed-case > finetune > embed-case": "embed-case: the model is given the case of words already",
    "embed-case > truncate-layers(token_types=false)": "token_types: the model is given the case of words by them",
    "truncate-layers(token_types=false) > embed-case": "embed-case: needs a model with token types .*'distilbert'",
    "adapt > compress:sparsify > finetune": "compress:sparsify.schedule: asks the loss of a tagger",
}
POSSIBLE = (
    "finetune > compress:prune > compress:prune(what=heads) > truncate-layers"
    " > replace-vocabulary > compress:factorize(rank=8)"
    " > task-distill:text > compress:decompose(budget=0.5) > task-distill:gold > compress:quantize",
    "finetune > compress:prune(scope=model) > compress:decompose(budget=0.5) > compress:sparsify",
    "finetune > compress:prune(scope=model) > compress:tie-layers(what=attention)",
    "finetune > compress:prune(scope=model) > truncate-layers(layers=[0]) > compress:tensorize",
    "finetune > compress:prune(scope=model, fraction=0.999) > compress:tie-layers",  # a unit of each layer stays
    "finetune > compress:prune(what=layers) > compress:prune > compress:tensorize(method=cp) > task-distill:gold",
    "compress:decompose(rank=8) > compress:tie-layers(start=first) > finetune",
    "compress:decompose(energy=0.5) > compress:tie-layers(start=first) > finetune",  # only the weights tell
    "compress:decompose(rank=8) > truncate-layers > compress:factorize(rank=8) > finetune",
    "compress:tie-layers > compress:factorize(rank=8) > finetune",
    "compress:prune(by=magnitude) > truncate-layers(width=16)"
    " > finetune",  # as many units in each layer are no slim ones
    "truncate-layers(token_types=false) > truncate-layers(token_types=false) > compress:tie-layers > finetune",
)
TAGGER = ModelSpec(head="labels", labels=LABELS, corpus_labels=LABELS)
STAGES = (
    *("truncate-layers(layers=[0, 1])", "truncate-layers(layers=[0, 1, 2], width=16)", "compress:factorize(rank=8)"),
    *("truncate-layers(layers=[0, 1, 2], token_types=false)", "compress:decompose(rank=8, read=weights)"),
    *("compress:decompose(budget=0.001)", "compress:decompose(budget=0.5, read=weights)", "compress:tensorize"),
    *("compress:decompose(rank=15, read=weights)", "compress:tensorize(method=cp, budget=0.01)"),
    *("compress:tie-layers", "compress:tie-layers(what=feed-forward)", "compress:prune(what=layers)"),
    *("compress:prune(by=magnitude)", "compress:prune(by=magnitude, scope=model)"),
    *("compress:prune(what=heads, by=magnitude)", "compress:quantize(by=uniform, schedule.epochs=0)"),
    "compress:prune(what=heads, by=magnitude, scope=model, fraction=0.3)",
)


@pytest.fixture(scope="module")
def shape(tmp_path_factory):
    """An encoder of three layers."""
    return shape_of(tiny_model(layers=3), tmp_path_factory.mktemp("encoder"))


def shape_of(model, folder):
    model.save(folder)
    return read_shape(folder)


@pytest.mark.parametrize("strategy", IMPOSSIBLE)
def test_an_order_that_cannot_be_is_refused(strategy, shape):
    with pytest.raises(ConfigError, match=IMPOSSIBLE[strategy]):
        parse(strategy, {}).validate(ModelSpec(sizes=shape, corpus_labels=LABELS))


@pytest.mark.parametrize("strategy", POSSIBLE)
def test_an_order_that_can_be_is_not(strategy, shape):
    parse(strategy, {}).validate(ModelSpec(sizes=shape, corpus_labels=LABELS))


def test_a_tagger_need_not_become_one(shape):
    steps = parse("compress:prune > task-distill:gold", {})
    tagger = replace(TAGGER, sizes=shape)
    steps.validate(tagger)
    with pytest.raises(ConfigError, match="asks the loss of a tagger"):
        steps.validate(replace(tagger, head="words", labels=()))


@pytest.mark.parametrize("stage", ["compress:prune", "compress:quantize", "compress:sparsify"])
def test_a_loss_needs_a_corpus_with_the_labels_of_the_tagger(stage, shape):
    tagger = replace(TAGGER, sizes=shape)
    with pytest.raises(ConfigError, match=r"asks the loss of .* name the corpus \(--corpus\), or put finetune before"):
        parse(stage, {}).validate(replace(tagger, corpus_labels=None))
    other = replace(tagger, labels=(*LABELS, "B-DATE", "I-DATE"))
    parse(f"replace-head > {stage} > finetune", {}).validate(other)
    with pytest.raises(ConfigError, match="do not match the corpus"):
        parse(f"{stage} > replace-head > finetune", {}).validate(other)


@pytest.fixture(scope="module")
def firsts(tmp_path_factory):
    """What each stage makes of a tagger."""
    where = context(tmp_path_factory.mktemp("store"))
    found = {}
    for text in STAGES:
        with suppress(ConfigError):
            found[text], _ = stage_of(text).run(tiny_model(layers=3, labels=LABELS), where)
    return found


def stage_of(text):
    (step,) = parse(text, {})
    return step.stage


def refusal(work):
    try:
        work()
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize("text", STAGES)
def test_what_is_refused_is_what_could_not_run(text, firsts, shape, tmp_path):
    stage, tagger = stage_of(text), replace(TAGGER, sizes=shape)
    for first, model in firsts.items():
        known = refusal(lambda first=first: stage.validate(stage_of(first).validate(tagger)))
        seen = refusal(lambda model=model: stage.run(model, context(tmp_path)))
        assert (known is None) == (seen is None), (first, known, seen)
        if known and not known.startswith(("truncate-layers.", "compress:factorize")):
            assert known == seen


@pytest.mark.parametrize("family", list(SLIM_FAMILIES)[:3])
def test_the_sizes_of_matrices_are_known(family, tmp_path):
    model = tiny_model(layers=3, labels=LABELS, family=family)
    spec = spec_of(model, tmp_path)
    for text in ("compress:prune(what=heads, by=magnitude)", "compress:prune(by=magnitude)", "truncate-layers"):
        model, _ = stage_of(text).run(model, context(tmp_path))
        spec = stage_of(text).validate(spec)
        weights = {name: matrix.weight for name, matrix in low_rank.matrices(model).items()}
        assert spec.shape.matrices() == {name: tuple(weight.shape) for name, weight in weights.items()}
        assert spec.shape.slim == Slim.of(model.network)


def test_what_a_saved_model_is_like_counts_too(tmp_path):
    model = slim_model()
    shape = shape_of(model, tmp_path)
    assert (shape.family, shape.slim) == ("bert", Slim.of(model.network))
    for text in ("compress:prune", "compress:tie-layers"):
        with pytest.raises(ConfigError, match="low rank"):
            parse(text, {}).validate(replace(TAGGER, sizes=shape))


def test_other_architectures_lose_layers_but_are_not_slim(shape):
    other = replace(shape, family="xlm-roberta")
    parse("truncate-layers > compress:prune(what=layers)", {}).validate(replace(TAGGER, sizes=other))
    for text in ("compress:prune", "compress:tie-layers", "compress:tensorize", "compress:decompose(rank=8)"):
        with pytest.raises(ConfigError, match="compress: 'xlm-roberta' cannot be made slim"):
            parse(text, {}).validate(replace(TAGGER, sizes=other))


@pytest.mark.parametrize("family", SLIM_FAMILIES)
def test_these_can_be_slim(family, shape):
    parse("compress:prune > compress:tie-layers", {}).validate(replace(TAGGER, sizes=replace(shape, family=family)))


def test_an_experiment_is_refused_before_it_begins(settings, tmp_path):
    experiment = from_settings(settings)
    systems = {**experiment.systems, "a": System("finetune > task-distill:gold > compress:tie-layers > compress:prune")}
    with pytest.raises(ConfigError, match=r"systems\.a\.strategy: compress: .* low rank already; prune before that"):
        Prepared(replace(experiment, systems=systems), tmp_path / "store")
    ancestor = "adapt:gold > compress:tie-layers > compress:tie-layers"
    systems = {**experiment.systems, "a": System("distill:gold > finetune")}
    stages = {**experiment.stages, "distill": {"teacher": ancestor}}
    with pytest.raises(ConfigError, match=rf"teacher '{ancestor}': compress:tie-layers: the layers are shared already"):
        Prepared(replace(experiment, systems=systems, stages=stages), tmp_path / "store")
    assert not (tmp_path / "store").exists()
