"""What every loss term in the registry owes: a new one is tested by its registry line alone."""

import copy
from dataclasses import replace

import pytest
import torch

from finkd.inference.grammar import transitions
from finkd.losses import losses
from finkd.losses.alignment import BatchAlignment, Chunks, MaskedText, MaskedTokens, Pool, to_device
from finkd.losses.term import ModelOutputs, Requirement, Sequences, StepOutputs
from finkd.losses.vocabularies import Vocabularies
from tests.toys import roberta, wordpiece_uncased

WIDTH, LAYERS = 8, 3
TEACHER, STUDENT = roberta(), wordpiece_uncased()


def random_side(random, tokens, words, labels, masked, vocabulary, layers, *, learns):
    def normal(*shape):
        return torch.randn(*shape, generator=random, requires_grad=learns)

    return ModelOutputs(
        word_logits=normal(words, labels),
        hidden_states=tuple(normal(tokens, WIDTH) for _ in range(layers + 1)),
        attention=tuple(normal(3, tokens, WIDTH) for _ in range(layers)),
        attention_heads=2,
        mlm_logits=normal(masked, vocabulary),
        embeddings=normal(tokens, WIDTH),
    )


def random_outputs(words=7, labels=5, tokens=11, seed=0):
    """A batch of one example in which teacher token ``i`` lies on student token ``i``, and a third of it is hidden."""
    random = torch.Generator().manual_seed(seed)
    places = torch.arange(tokens)
    hidden = places[places % 3 == 0]
    ours, theirs = (
        MaskedTokens(
            hidden,
            torch.randint(len(vocabulary), (len(hidden),), generator=random),
            torch.arange(len(hidden)) // 2,
            torch.zeros(len(hidden), dtype=torch.long),
        )
        for vocabulary in (STUDENT, TEACHER)
    )
    covered = torch.rand(tokens, generator=random) < 0.8
    every = Pool(places, places, torch.ones(tokens), torch.ones(tokens, dtype=torch.bool))
    return StepOutputs(
        student=random_side(random, tokens, words, labels, len(hidden), len(STUDENT), LAYERS, learns=True),
        teacher=random_side(random, tokens, words, labels, len(hidden), len(TEACHER), 2 * LAYERS, learns=False),
        labels=torch.randint(labels, (words,), generator=random),
        sequences=Sequences(torch.arange(words) // 5, torch.arange(words) == 0, *LEGAL),
        alignment=BatchAlignment(
            Pool(places, places, covered.float(), covered),
            Chunks(every, every, torch.zeros(tokens, dtype=torch.long), places, (1, tokens)),
            MaskedText(ours, theirs, (len(hidden) + 1) // 2),
        ),
        vocabularies=TABLES,
    )


LEGAL = tuple(torch.from_numpy(each) for each in transitions(("O", "B-ORG", "I-ORG", "B-PER", "I-PER")))
TABLES = Vocabularies(TEACHER, STUDENT)
FIELDS = {"word_logits": None, "hidden_states": (), "attention": (), "mlm_logits": None, "embeddings": None}


def only(outputs, requirements):
    """Only the parts that a term requires; the student always scores its own words."""
    absent = {name: empty for name, empty in FIELDS.items() if Requirement[name.upper()] not in requirements}
    student = replace(outputs.student, **{name: empty for name, empty in absent.items() if name != "word_logits"})
    aligned = replace(
        outputs.alignment,
        chunks=outputs.alignment.chunks if Requirement.ATTENTION in requirements else None,
        masked=outputs.alignment.masked if Requirement.MLM_LOGITS in requirements else None,
    )
    return replace(
        outputs,
        student=student,
        teacher=replace(outputs.teacher, **absent),
        labels=outputs.labels if Requirement.LABELS in requirements else None,
        sequences=outputs.sequences if Requirement.SEQUENCES in requirements else None,
        alignment=aligned
        if requirements & (Requirement.HIDDEN_STATES | Requirement.ATTENTION | Requirement.MLM_LOGITS)
        else None,
        vocabularies=outputs.vocabularies if Requirement.MLM_LOGITS in requirements else None,
    )


def leaves(side):
    return [side.word_logits, *side.hidden_states, *side.attention, side.mlm_logits, side.embeddings]


@pytest.fixture(params=list(losses))
def term(request):
    return losses.get(request.param)()


def test_its_requirements_are_known(term):
    assert isinstance(term.requires, Requirement)
    assert term.requires
    assert term.weight == 1.0


@pytest.mark.parametrize(("words", "tokens"), [(1, 1), (3, 5), (17, 31)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_a_finite_float32_scalar(term, words, tokens, dtype):
    outputs = random_outputs(words=words, tokens=tokens)
    cast = {name: getattr(outputs.student, name) for name in FIELDS}
    cast = {
        name: tuple(each.to(dtype) for each in value) if isinstance(value, tuple) else value.to(dtype)
        for name, value in cast.items()
    }
    value = term(replace(outputs, student=replace(outputs.student, **cast)))
    assert value.shape == ()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert value >= 0


def test_what_it_does_not_need_has_no_effect(term):
    outputs = random_outputs()
    assert torch.equal(term(outputs), term(only(outputs, term.requires)))


def test_it_reaches_what_it_needs_of_the_student_and_nothing_of_the_teacher(term):
    outputs = random_outputs(tokens=31)
    term(outputs).backward()
    parts = {Requirement.LABELS: "word_logits", Requirement.SEQUENCES: "word_logits"}
    for part in term.requires:
        value = getattr(outputs.student, parts.get(part, str(part.name).lower()))
        reached = value if isinstance(value, tuple) else (value,)
        assert any(tensor.grad is not None and tensor.grad.abs().sum() > 0 for tensor in reached)
    assert all(tensor.grad is None for tensor in leaves(outputs.teacher))


def test_it_leaves_its_inputs_alone(term):
    outputs = random_outputs()
    before = copy.deepcopy(leaves(outputs.student) + leaves(outputs.teacher))
    term(outputs)
    torch.testing.assert_close(leaves(outputs.student) + leaves(outputs.teacher), before, rtol=0, atol=0)


def test_an_empty_batch_gives_zero_and_finite_gradients(term):
    outputs = random_outputs(words=0, tokens=0)
    value = term(outputs)
    assert value.item() == 0
    if value.requires_grad:
        value.backward()
    assert all(tensor.grad is None or torch.isfinite(tensor.grad).all() for tensor in leaves(outputs.student))


def test_nothing_that_counts_gives_zero_and_finite_gradients(term):
    outputs = random_outputs()
    if term.requires & (Requirement.MLM_LOGITS | Requirement.ATTENTION | Requirement.EMBEDDINGS):
        pytest.skip("these count whatever is there")
    aligned = outputs.alignment
    pool = aligned.to_student
    outputs = replace(
        outputs,
        labels=torch.full_like(outputs.labels, -100),
        teacher=replace(outputs.teacher, word_logits=outputs.student.word_logits.detach()),
        alignment=replace(aligned, to_student=replace(pool, weights=0 * pool.weights, covered=pool.covered & False)),
    )
    value = term(outputs)
    value.backward()
    assert abs(value.item()) < 1e-6
    assert all(tensor.grad is None or torch.isfinite(tensor.grad).all() for tensor in leaves(outputs.student))


def test_a_batch_moves_to_a_device_whole():
    moved = to_device(random_outputs().alignment, torch.device("meta"))
    assert moved.masked.student.at.is_meta
    assert moved.chunks.student.weights.is_meta
    assert moved.chunks.shape == (1, 11)
