"""The stage that changes the vocabulary; what all stages promise is in the contract tests."""

import copy
import dataclasses
from dataclasses import replace

import pytest
import torch

from finkd.corpora.errors import ConfigError
from finkd.models import transfers
from finkd.models.spec import ModelSpec
from finkd.settings import build
from finkd.stages.replace_vocabulary import ReplaceVocabulary
from finkd.tokenization.vocabulary import train
from tests.finkd.toys import SENTENCES, context, tiny_model
from tests.toys import roberta, trained, wordpiece_cased

TEXTS = [sentence.text for sentence in SENTENCES]


def stage(**settings):
    return build(ReplaceVocabulary, {"size": 200, **settings}, "replace-vocabulary")


def run(tmp_path, model=None, seed=1, **settings):
    alone = replace(context(tmp_path, seed=seed), text=None)
    result, _ = stage(**settings).run(model or tiny_model(), alone)
    return result


def test_by_default_the_vocabulary_is_that_of_train(tmp_path):
    expected = train(TEXTS, "wordpiece", 200)
    assert run(tmp_path).tokenizer.backend.to_str() == expected.backend.to_str()
    assert ReplaceVocabulary.version == 2


def test_the_models_vocabulary_can_be_trimmed(tmp_path):
    model = tiny_model(roberta())
    small = run(tmp_path, model, start="trim", size=300)
    assert len(small.tokenizer) <= 300
    assert {*small.tokenizer.vocabulary} < {*model.tokenizer.vocabulary}
    for token in ("Ġthe", "e", "</s>"):
        old, new = (side.tokenizer.backend.token_to_id(token) for side in (model, small))
        assert torch.equal(small.embeddings.weight[new], model.embeddings.weight[old])


def test_the_models_vocabulary_can_be_grown(tmp_path):
    model = tiny_model(trained("bpe", True, 270))
    grown = run(tmp_path, model, start="grow", growth={"rule": "fertility", "threshold": 1, "step": 5})
    size = len(model.tokenizer)
    assert len(grown.tokenizer) > size
    assert torch.equal(grown.embeddings.weight[:size], model.embeddings.weight)


def test_words_can_be_protected(tmp_path):
    (tmp_path / "words.txt").write_text("Goldman\n")
    settings = {"protect": {"entries": ["Acme"], "digits": "split"}, "protect_file": str(tmp_path / "words.txt")}
    tokenizer = run(tmp_path, **settings).tokenizer
    assert tokenizer.backend.encode("Acme Goldman 75", add_special_tokens=False).tokens == ["acme", "goldman", "7", "5"]


def test_a_general_corpus_counts_beside_the_domain(tmp_path):
    (tmp_path / "general.txt").write_text("aardvarks everywhere, aardvarks\n" * 50)
    tokenizer = run(tmp_path, general=str(tmp_path / "general.txt"), weight=0.3).tokenizer
    assert "aardvarks" in tokenizer.vocabulary
    assert "borrower" in train(TEXTS * 2, "wordpiece", 200).vocabulary


@pytest.mark.parametrize("name", transfers)
def test_every_transfer_can_be_named(name, tmp_path):
    result = run(tmp_path, transfer=name)
    assert torch.isfinite(result.embeddings.weight).all()


def test_a_transfer_may_have_settings(tmp_path):
    assert stage(transfer={"name": "focus", "nearest": 3}).method().nearest == 3
    rows = [run(tmp_path, transfer={"name": "random", "copy_equal": same}).embeddings.weight for same in (True, False)]
    assert not torch.equal(*rows)


def test_the_seed_counts_only_where_something_is_drawn(tmp_path):
    where = [context(tmp_path, seed=seed) for seed in (1, 2)]
    assert stage().cache_inputs(where[0]) == stage().cache_inputs(where[1])
    random = stage(transfer="random")
    assert random.cache_inputs(where[0]) != random.cache_inputs(where[1])
    one, two = (run(tmp_path, seed=seed, transfer="random").embeddings.weight for seed in (1, 2))
    assert not torch.equal(one, two)


def test_what_decides_the_result_is_part_of_its_address(tmp_path):
    where = context(tmp_path)
    (tmp_path / "words.txt").write_text("Goldman\n")
    (tmp_path / "general.txt").write_text("a dog\n")
    wordpiece_cased().save(tmp_path / "given")
    given = {"tokenizer": str(tmp_path / "given")}
    transfer = {"kind": "Characters"}
    assert stage().cache_inputs(where) == {"corpus": "toy", "text": {"text": "toy"}, "transfer": transfer}
    assert stage().cache_inputs(replace(where, text=None))["text"] is None
    assert stage(protect_file=str(tmp_path / "words.txt")).cache_inputs(where)["protect_file"] == ["Goldman"]
    assert len(stage(general=str(tmp_path / "general.txt")).cache_inputs(where)["general"]) == 64
    assert stage(**given).cache_inputs(where).keys() == {"tokenizer", "transfer"}
    assert stage(**given, transfer="focus").cache_inputs(where).keys() == {"tokenizer", "transfer", "corpus", "text"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"transfer": "wwt"}, r"^replace-vocabulary\.transfer: transfers: there is no 'wwt'; did you mean 'wvt'\?"),
        ({"transfer": {"nearest": 3}}, r"^replace-vocabulary\.transfer: transfers: there is no ''"),
        ({"transfer": {"name": "focus", "nearest": 0}}, r"^replace-vocabulary\.transfer\.nearest: .*\(got 0\)"),
        ({"transfer": {"name": "wvt", "colour": 1}}, r"^replace-vocabulary\.transfer\.colour: unknown setting"),
        ({"algorithm": "wp"}, r"^replace-vocabulary\.algorithm: "),
        ({"start": "truncate-layers"}, r"^replace-vocabulary\.start: .*\(got 'truncate-layers'\)"),
        ({"weight": 1.5}, r"^replace-vocabulary\.weight: .*\(got 1\.5\)"),
        ({"minimum": 0}, r"^replace-vocabulary\.minimum: .*\(got 0\)"),
        ({"growth": {"rule": "size"}}, r"^replace-vocabulary\.growth\.rule: .*\(got 'size'\)"),
        ({"protect": {"digits": "one"}}, r"^replace-vocabulary\.protect\.digits: .*\(got 'one'\)"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_one_line_before_any_work(settings, message, tmp_path):
    with pytest.raises(ConfigError, match=message) as refusal:
        stage(**settings).validate(ModelSpec())
    assert len(str(refusal.value).splitlines()) == 1


def test_a_tokenizer_that_is_given_cannot_be_grown(tmp_path):
    wordpiece_cased().save(tmp_path / "given")
    with pytest.raises(ConfigError, match=r"^replace-vocabulary\.start: a tokenizer is given"):
        stage(tokenizer=str(tmp_path / "given"), start="grow").validate(ModelSpec())


def test_the_model_that_is_given_stays_as_it_was(tmp_path):
    model = tiny_model(roberta())
    before, tokenizer = copy.deepcopy(model.network.state_dict()), model.tokenizer.backend.to_str()
    for start in ("grow", "trim"):
        run(tmp_path, model, start=start, size=300)
    torch.testing.assert_close(model.network.state_dict(), before, rtol=0, atol=0)
    assert model.tokenizer.backend.to_str() == tokenizer
    assert model.tokenizer.name == "roberta"


def test_settings_are_plain_data():
    import json

    json.dumps(dataclasses.asdict(stage(transfer={"name": "focus"}, protect={"entries": ["a"]})))
