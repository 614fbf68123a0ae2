from dataclasses import replace

import pytest
import torch

from finkd.corpora.errors import ConfigError
from finkd.models.families import FAMILIES as ENCODERS
from finkd.models.heads import with_masked_head, with_text_head
from finkd.models.loading import load_model
from finkd.models.spec import ModelSpec
from finkd.models.truncation import _selected, every_other, keep_layers, narrow
from finkd.models.vocabulary_replacement import replace_vocabulary
from finkd.stages.truncate_layers import TruncateLayers
from tests.finkd.toys import LABELS, context, outputs, tiny_model
from tests.toys import FAMILIES, roberta, wordpiece_cased, wordpiece_uncased

pytestmark = pytest.mark.slow

TEXT = "The Borrower shall pay interest to Acme Corp., naïve € lenders agree."


def weights(model):
    return {name: tensor.clone() for name, tensor in model.network.state_dict().items()}


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize("labels", [(), LABELS])
def test_kept_layers_are_copied_and_nothing_else_changes(family, labels):
    teacher = tiny_model(family=family, layers=4, labels=labels)
    before = weights(teacher)
    student = keep_layers(teacher, [0, 3])
    assert len(student.layers) == student.encoder.config.num_hidden_layers == 2
    assert (student.tokenizer, student.labels) == (teacher.tokenizer, labels)
    renumbered = {name.replace("layer.3.", "layer.1."): tensor for name, tensor in before.items()}
    kept = {name: renumbered[name] for name in weights(student)}
    torch.testing.assert_close(weights(student), kept, rtol=0, atol=0)
    torch.testing.assert_close(weights(teacher), before, rtol=0, atol=0)
    assert len(teacher.layers) == teacher.encoder.config.num_hidden_layers == 4


@pytest.mark.parametrize("layers", [[], [2], [-1, 0], [1, 0], [0, 0]])
def test_layers_that_are_not_there_are_refused(layers):
    with pytest.raises(ConfigError, match=r"truncate-layers\.layers: must rise and lie within 0\.\.1 \(got"):
        keep_layers(tiny_model(layers=2), layers)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_same_tokenizer_is_the_identity(family):
    teacher = tiny_model(FAMILIES[family]())
    student = replace_vocabulary(teacher, teacher.tokenizer)
    torch.testing.assert_close(weights(student), weights(teacher), rtol=0, atol=0)
    assert torch.equal(outputs(student, TEXT), outputs(teacher, TEXT))


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize(("old", "new"), [(roberta, wordpiece_uncased), (wordpiece_uncased, roberta)])
def test_a_saved_student_reads_texts_as_before(tmp_path, family, old, new):
    """RoBERTa numbers positions from the padding id on, so a new padding id must not shift them."""
    student = replace_vocabulary(tiny_model(old(), family=family), new())
    student.save(tmp_path)
    torch.testing.assert_close(outputs(load_model(tmp_path), TEXT), outputs(student, TEXT), rtol=0, atol=0)


@pytest.mark.parametrize(("old", "new"), [(roberta, wordpiece_uncased), (wordpiece_uncased, roberta)])
def test_positions_keep_their_vectors(old, new):
    teacher = tiny_model(old(), family="roberta")
    student = replace_vocabulary(teacher, new())
    tables = [side.encoder.embeddings.position_embeddings.weight for side in (teacher, student)]
    starts = [side.tokenizer.special_ids["pad"] + 1 for side in (teacher, student)]
    assert torch.equal(tables[0][starts[0] : starts[0] + 50], tables[1][starts[1] : starts[1] + 50])


def test_embeddings_beyond_the_tokenizer_are_left_behind():
    """Published models round their vocabulary up, so the table has more rows than the tokenizer has tokens."""
    teacher = tiny_model()
    teacher.network.resize_token_embeddings(len(teacher.tokenizer) + 6)
    student = replace_vocabulary(teacher, wordpiece_cased())
    assert student.embeddings.weight.shape == (len(wordpiece_cased()), 32)


# Of 32 dimensions 8 are kept, 4 of each head of 16.
EVENLY = torch.tensor([0, 4, 9, 13, 18, 22, 27, 31])


@pytest.mark.parametrize(
    ("family", "into", "out"),
    [
        ("bert", "encoder.layer.1.attention.self.key", "encoder.layer.1.attention.output.dense"),
        ("roberta", "encoder.layer.1.attention.self.key", "encoder.layer.1.attention.output.dense"),
        ("distilbert", "transformer.layer.1.attention.k_lin", "transformer.layer.1.attention.out_lin"),
    ],
)
def test_a_narrower_student_has_the_same_dimensions_of_everything(family, into, out):
    teacher = tiny_model(family=family)
    before = weights(teacher)
    student = narrow(teacher, 8)
    after = weights(student)
    assert after.keys() == before.keys()
    assert torch.equal(student.embeddings.weight, teacher.embeddings.weight[:, EVENLY])
    assert torch.equal(after[f"{into}.weight"], before[f"{into}.weight"][EVENLY][:, EVENLY])
    assert torch.equal(after[f"{into}.bias"], before[f"{into}.bias"][EVENLY])
    assert torch.equal(after[f"{out}.weight"], before[f"{out}.weight"][EVENLY][:, EVENLY])
    assert sorted(after["embeddings.LayerNorm.weight"].shape) == [8]
    assert (student.encoder.config.hidden_size, student.encoder.config.num_attention_heads) == (8, 2)
    torch.testing.assert_close(weights(teacher), before, rtol=0, atol=0)


@pytest.mark.parametrize("heads", [1, 2, 3, 12])
def test_equally_many_dimensions_of_each_head_are_kept(heads):
    for old in range(heads, 32 * heads, heads):
        for new in range(heads, old, heads):
            kept = _selected(torch.arange(old), (new,))
            assert torch.bincount(kept // (old // heads)).tolist() == [new // heads] * heads


def test_a_narrower_deberta_pairs_values_and_outputs():
    teacher = ENCODERS["deberta-v2"].tiny(wordpiece_uncased())
    attention = teacher.layers[0].attention
    width = teacher.encoder.config.hidden_size
    with torch.no_grad():  # each weight names the dimension of the values that it makes, or reads
        attention.self.value_proj.weight.copy_(torch.arange(width)[:, None].expand(width, width))
        attention.output.dense.weight.copy_(torch.arange(width).expand(width, width))
    attention = narrow(teacher, 16).layers[0].attention
    torch.testing.assert_close(attention.self.value_proj.weight[:, 0], attention.output.dense.weight[0])


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize("head", ["none", "labels", "words"])
def test_a_narrower_student_keeps_its_head_and_is_one_that_transformers_knows(family, head, tmp_path):
    teacher = tiny_model(family=family, labels=LABELS if head == "labels" else ())
    student = narrow(with_masked_head(teacher, 0) if head == "words" else teacher, 8)
    student.save(tmp_path)
    again = load_model(tmp_path)
    assert (again.labels, again.has_masked_head) == (teacher.labels, head == "words")
    assert torch.equal(outputs(again, TEXT), outputs(student, TEXT))
    assert torch.isfinite(outputs(student, TEXT)).all()


@pytest.mark.parametrize(
    ("depth", "kept"), [(1, (0,)), (2, (0,)), (4, (0, 3)), (6, (0, 2, 5)), (12, (0, 2, 4, 7, 9, 11))]
)
def test_every_other_layer_is_as_distilbert_takes_them(depth, kept):
    assert every_other(depth) == kept
    assert len(TruncateLayers().run(tiny_model(layers=depth), None)[0].layers) == len(kept)


@pytest.mark.parametrize("head", ["none", "labels", "words"])
def test_without_token_types_a_bert_computes_the_same(head, tmp_path):
    model = tiny_model(layers=4, labels=LABELS if head == "labels" else (), seed=5)
    if head == "words":
        model = with_masked_head(model, 1)
    student, _ = TruncateLayers(token_types=False).run(model, None)
    assert student.encoder.config.model_type == "distilbert"
    same, _ = TruncateLayers().run(model, None)
    torch.testing.assert_close(outputs(student, TEXT), outputs(same, TEXT))
    dropped = [name for name, _ in same.encoder.named_parameters() if "token_type" in name or "pooler" in name]
    parameters = same.encoder.get_submodule("pooler").parameters() if same.encoder.pooler else []
    fewer = 2 * 32 + sum(weight.numel() for weight in parameters)
    assert dropped
    assert same.encoder.num_parameters() - student.encoder.num_parameters() == fewer
    assert TruncateLayers((0,), token_types=False).run(student, None)[0].encoder.config.model_type == "distilbert"
    student.save(tmp_path)
    torch.testing.assert_close(outputs(load_model(tmp_path), TEXT), outputs(student, TEXT))


def test_other_kinds_keep_their_token_types():
    with pytest.raises(ConfigError, match=r"truncate-layers\.token_types: only a BERT .*got 'roberta'"):
        TruncateLayers((0,), token_types=False).run(tiny_model(roberta(), family="roberta"), None)


def _electra(rank):
    electra = ENCODERS["electra"]
    return replace(electra, sizes={"embedding_size": rank}).tiny(wordpiece_uncased())


@pytest.mark.parametrize(("before", "after"), [(32, 8), (16, 16), (4, 4)])
def test_token_embeddings_become_narrower_where_they_are_as_wide_as_the_model(before, after, tmp_path):
    model = _electra(before)
    model.save(tmp_path / "whole")
    student = narrow(model, 8)
    assert student.embeddings.weight.shape[1] == after
    assert TruncateLayers(width=8).validate(ModelSpec.of(str(tmp_path / "whole"))).shape.rank == after
    student.save(tmp_path / "narrow")
    torch.testing.assert_close(outputs(load_model(tmp_path / "narrow"), TEXT), outputs(student, TEXT))


def test_a_width_at_which_the_embeddings_would_not_be_projected_is_refused(tmp_path):
    model = _electra(16)
    model.save(tmp_path)
    spec = ModelSpec.of(str(tmp_path))
    for narrowed in (lambda: narrow(model, 16), lambda: TruncateLayers(width=16).validate(spec)):
        with pytest.raises(ConfigError, match="another number than the 16 dimensions of the token embeddings"):
            narrowed()


def test_results_of_the_earlier_rule_of_widths_are_not_taken(tmp_path):
    where = context(tmp_path)
    assert TruncateLayers(layers=(0,)).cache_inputs(where) == {}
    assert TruncateLayers(layers=(0,), width=16).cache_inputs(where) == {"version of width": 2}


def test_a_narrow_model_with_a_pooler_reads_whole_texts():
    model = narrow(ENCODERS["deberta-v2"].tiny(wordpiece_uncased()), 16)
    with torch.inference_mode():
        assert with_text_head(model, ("a", "b"), 1).network(torch.tensor([[2, 5, 3]])).logits.shape == (1, 2)
