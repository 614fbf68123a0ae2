"""Teachers that are ensembles, folds or finished taggers, in an experiment."""

import json

import numpy as np
import pytest
import spacy

from finkd import corpora
from finkd.corpora.errors import ConfigError, UnavailableError
from finkd.experiments.configuration.experiment import from_settings, resolved
from finkd.experiments.configuration.reading import rehearsed
from finkd.experiments.running.plan import plan
from finkd.experiments.running.prepared import Prepared
from finkd.experiments.running.run import run
from finkd.inference.tagger import sentence_logits
from finkd.models.loading import load_model
from finkd.teachers import labels
from finkd.teachers.ensemble import average
from finkd.teachers.labels import teacher_labels
from tests.finkd.toys import tiny_model
from tests.toys import roberta

pytestmark = pytest.mark.slow

LABELS_ONLY = "truncate-layers > task-distill:gold(losses={cross-entropy: {}, word-logits-kl: {}})"
_STATES = "losses={word-logits-kl: {}, aligned-hidden-states: {}}"
STATES = f"truncate-layers > task-distill:gold({_STATES})"


@pytest.fixture
def settings(two_teachers):
    """The mean of both teachers, and a student of it."""
    two_teachers["systems"] |= {
        "mean": {"role": "teacher", "teacher": [{"system": "big", "weight": 2}, {"system": "own", "seed": 5}]},
        "student": {"strategy": LABELS_ONLY, "teacher": "mean"},
    }
    return two_teachers


@pytest.fixture
def external(tmp_path, corpus):
    """A tagger whose labels stand in another order, in BIOES and with one more type; also as a spaCy pipeline."""
    labels = ("B-MISC", "I-MISC", "B-PERSON", "I-PERSON", "O", "B-ORG", "I-ORG", "E-ORG", "S-ORG")
    folder = tmp_path / "external"
    folder.mkdir()
    tiny_model(roberta(), labels=labels, family="roberta").save(folder)
    return folder


def by_system(records):
    return {record.system: record for record in records if record.role != "baseline"}


def test_an_ensemble_has_a_row_a_student_and_the_weighted_mean_of_its_members_labels(settings, tmp_path):
    experiment = from_settings(settings)
    records = by_system(run(experiment, tmp_path / "out"))
    assert list(records) == ["big", "own", "mean", "student"]
    assert records["mean"].strategy == "mean of big + own (seed 5)"
    assert [stage.kind for stage in records["mean"].teachers] == ["finetune"]  # of the other seed
    assert records["mean"].lineage == ()
    assert records["mean"].scores.words > 0
    assert not (tmp_path / "out/models/mean-seed-1").exists()
    page = (tmp_path / "out/report.html").read_text()
    assert "mean of big + own (seed 5)" in page
    again = run(experiment, tmp_path / "out")
    assert all(stage.cached for record in again for stage in (*record.lineage, *record.teachers))
    assert by_system(again)["mean"].scores == records["mean"].scores
    prepared = Prepared(experiment, tmp_path / "store")
    teacher = prepared.teachers(1)["mean"]
    train = prepared.gold(1).train
    found = np.asarray(teacher_labels(train, teacher, prepared.labels, prepared.store, "fp32"))
    parts = [np.concatenate([*sentence_logits(train, member.teacher.open_tagger())]) for member in teacher.members]
    np.testing.assert_allclose(found, average(parts, [2, 1]), atol=1e-5)
    assert [member.weight for member in teacher.members] == [2, 1]


def test_members_in_turn_label_a_part_of_the_text_each(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(labels, "PART", 16)
    settings["text"] = {"corpus": "sample-text", "sentences": 50}
    settings["systems"]["mean"]["teacher"] = [{"system": "own", "seed": 1}, {"system": "own", "seed": 2}]
    settings["systems"]["student"]["strategy"] = (
        "truncate-layers > task-distill:text(members=in-turn, losses={word-logits-kl: {}})"
    )
    experiment = from_settings(settings)
    run(experiment, tmp_path / "out")
    prepared = Prepared(experiment, tmp_path / "store")
    teacher = prepared.teachers(1)["mean"]
    text = [*prepared.text.draw()]
    found = np.asarray(
        teacher_labels(text, teacher, prepared.labels, prepared.store, "fp32", pytest.fail, members="in-turn")
    )
    taggers = [member.teacher.open_tagger() for member in teacher.members]
    expected = [
        scores
        for place in range(0, len(text), 16)
        for scores in sentence_logits(text[place : place + 16], taggers[place // 16 % 2])
    ]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)
    assert len(expected) > 32


def test_a_student_may_learn_from_smaller_tokens_and_keeps_its_own(settings, tmp_path):
    settings["text"] = {"corpus": "sample-text", "sentences": 50}
    stage = "truncate-layers > task-distill:text(subword_dropout={share}, losses={{word-logits-kl: {{}}}})"
    settings["systems"] |= {
        "student": {"strategy": stage.format(share=0), "teacher": "mean"},
        "pieces": {"strategy": stage.format(share=0.5), "teacher": "mean"},
    }
    records = by_system(run(from_settings(settings), tmp_path / "out"))
    assert records["pieces"].lineage[-1].tokens > 1.1 * records["student"].lineage[-1].tokens
    plain, pieces = (load_model(tmp_path / f"out/models/{name}-seed-1") for name in ("student", "pieces"))
    assert pieces.tokenizer.fingerprint == plain.tokenizer.fingerprint


@pytest.mark.parametrize(
    ("members", "on", "message"),
    [
        ([{"system": "own", "seed": 1, "weight": 2}, {"system": "own", "seed": 2}], "text", "of the same weight"),
        ("own", "text", "members of the same weight"),
        ([{"system": "own", "seed": 1}, {"system": "own", "seed": 2}], "gold", "in-turn is for raw text"),
    ],
)
def test_members_in_turn_need_equal_members_and_raw_text(settings, tmp_path, members, on, message):
    student = settings["systems"]["student"]
    settings["text"] = {"corpus": "sample-text", "sentences": 50}
    student["teacher"] = members
    student["strategy"] = f"truncate-layers > task-distill:{on}(members=in-turn, losses={{word-logits-kl: {{}}}})"
    with pytest.raises(ConfigError, match=message):
        run(from_settings(settings), tmp_path / "out")


def test_hidden_states_are_those_of_the_first_member(settings, tmp_path):
    settings["systems"]["student"]["strategy"] = STATES
    record = by_system(run(from_settings(settings), tmp_path / "out"))["student"]
    assert record.lineage[-1].kind == "task-distill:gold"
    settings["systems"]["student"]["strategy"] = STATES.replace(")", ", cache_teacher_outputs=true)")
    other = by_system(run(from_settings(settings), tmp_path / "other" / "out"))["student"]
    assert other.scores == record.scores


def test_a_list_of_teachers_becomes_a_teacher_of_its_own(settings):
    del settings["systems"]["mean"]
    settings["systems"]["student"]["teacher"] = ["big", {"system": "own", "seed": 5}]
    systems = from_settings(settings).systems
    assert list(systems) == ["big", "own", "big + own (seed 5)", "student"]
    assert systems["student"].teacher == "big + own (seed 5)"
    again = from_settings({**settings, "systems": resolved(from_settings(settings))["systems"]})
    assert again.systems == systems


def test_a_plan_counts_a_member_of_another_seed_once(settings, tmp_path):
    planned = plan(Prepared(from_settings(settings, seeds=[1, 5]), tmp_path / "store"))
    names = [(each.seed, each.system, each.stage, each.state) for each in planned]
    assert (1, "own (seed 5)", "finetune", "to do") in names
    assert (5, "own", "finetune", "shared") in names


def test_only_a_student_keeps_all_that_it_needs(settings):
    assert list(from_settings(settings, only=["student"]).systems) == ["big", "own", "mean", "student"]
    settings["systems"]["big"]["start"] = "./nowhere"
    with pytest.raises(UnavailableError, match=r"'\./nowhere'"):
        from_settings(settings, only=["student"], find=True)


def test_folds_label_what_they_have_not_seen(settings, tmp_path):
    settings["systems"] = {
        "folds": {"role": "teacher", "strategy": "finetune", "folds": 2},
        "student": {"strategy": LABELS_ONLY},
    }
    experiment = from_settings(settings)
    records = by_system(run(experiment, tmp_path / "out"))
    assert records["folds"].strategy == "mean of 2 folds: finetune"
    assert len(records["folds"].teachers) == 2
    prepared = Prepared(experiment, tmp_path / "store")
    teacher = prepared.teachers(1)["folds"]
    found = np.asarray(teacher_labels(prepared.gold(1).train, teacher, prepared.labels, prepared.store, "fp32"))
    place = 0
    for sentence in prepared.gold(1).train:
        (unseen,) = [each for each in teacher.members if sentence.text not in each.trained_on]
        (expected,) = sentence_logits([sentence], unseen.teacher.open_tagger())
        own = found[place : place + len(expected)]
        np.testing.assert_allclose(own, average([expected], [1]), atol=1e-5)
        place += len(expected)


def test_a_rehearsal_has_folds_though_it_has_few_documents(settings, tmp_path):
    settings["systems"] = {
        "folds": {"role": "teacher", "strategy": "finetune", "folds": 3},
        "student": {"strategy": LABELS_ONLY},
    }
    prepared = Prepared(from_settings(rehearsed(settings)), tmp_path / "store")
    assert len(prepared.teachers(1)["folds"].members) == 3


def test_a_plan_knows_the_size_of_a_tagger_of_a_named_kind(settings, external, tmp_path):
    teacher = {"model": f"transformers:{external}", "labels": {"PERSON": "PER", "MISC": "O"}}
    settings["systems"] = {"student": {"strategy": LABELS_ONLY, "teacher": teacher}}
    prepared = Prepared(from_settings(settings), tmp_path / "store")
    assert [shape.width for shape in prepared.teacher_shapes("student", 1).values()] == [32]
    assert plan(prepared)[-1].disk > 0


def test_a_file_that_holds_other_text_has_no_row_and_gold_stands_for_it(settings, tmp_path, caplog):
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps({"words": ["Otherwise"], "distributions": [{"O": 1, "B-ORG": 0, "B-PER": 0}]}))
    settings["systems"] = {"student": {"strategy": LABELS_ONLY, "teacher": str(path)}}
    records = by_system(run(from_settings(settings), tmp_path / "out"))
    assert list(records) == ["student"]
    assert "predictions.jsonl: has no row, because it reads no word of the test split" in caplog.text
    assert "the teacher does not read 100.0 % of the words; gold labels stand for what it would say" in caplog.text


def test_a_finished_tagger_teaches_and_has_a_row(settings, external, tmp_path):
    labels = {"PERSON": "PER", "MISC": "O"}
    settings["systems"] = {
        "student": {"strategy": LABELS_ONLY, "teacher": {"model": str(external), "labels": labels}},
        "of both": {"strategy": LABELS_ONLY, "teacher": [{"model": str(external), "labels": labels}, "own"]},
        "own": {"role": "teacher", "strategy": "finetune"},
    }
    records = by_system(run(from_settings(settings), tmp_path / "out"))
    assert list(records) == ["external", "student", "external + own", "of both", "own"]
    assert records["external"].strategy == "external"
    assert load_model(tmp_path / "out/models/student-seed-1").labels == ("O", "B-ORG", "I-ORG", "B-PER", "I-PER")


def test_a_spacy_pipeline_teaches(settings, tmp_path):
    language = spacy.blank("en")
    ruler = language.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "ORG", "pattern": "Acme"}, {"label": "PERSON", "pattern": "Lender"}])
    language.to_disk(tmp_path / "pipeline")
    teacher = {"model": str(tmp_path / "pipeline"), "labels": {"PERSON": "PER"}}
    settings["systems"] = {"student": {"strategy": LABELS_ONLY, "teacher": teacher}}
    records = by_system(run(from_settings(settings), tmp_path / "out"))
    assert records["pipeline"].scores.per_type["PER"].correct == 1
    assert records["student"].vocabulary["overlap"] == 1  # compared with the tokenizer that it begins with
    settings["systems"]["student"]["strategy"] = "truncate-layers > distill:gold > task-distill:gold"
    with pytest.raises(ConfigError, match=r"distill\.teacher: reads hidden states.*teacher: origin"):
        Prepared(from_settings(settings), tmp_path / "store")
    settings["systems"]["student"]["strategy"] = STATES
    with pytest.raises(ConfigError, match=r"task-distill:gold\.losses: reads hidden states or tokens of the teacher"):
        Prepared(from_settings(settings), tmp_path / "store")


def test_predictions_in_a_file_teach(settings, corpus, tmp_path):
    train = corpora.load(corpus).splits["train"]
    with (tmp_path / "predictions.jsonl").open("w") as file:
        for sentence in train:
            rows = [{"O": 1.0} if tag == "O" else {tag: 0.75, "O": 0.25} for tag in sentence.tags]
            file.write(json.dumps({"words": sentence.words, "distributions": rows}) + "\n")
    settings["systems"] = {"student": {"strategy": LABELS_ONLY, "teacher": str(tmp_path / "predictions.jsonl")}}
    experiment = from_settings(settings)
    run(experiment, tmp_path / "out")
    prepared = Prepared(experiment, tmp_path / "store")
    teacher = prepared.teachers(1)["predictions.jsonl"]
    found = np.exp(teacher_labels(prepared.gold(1).train, teacher, prepared.labels, prepared.store, "fp32"))
    assert found[0].round(4).tolist() == [0.25, 0.75, 0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean": {"role": "teacher"}}, r"systems\.mean: expected either a strategy, or a teacher"),
        ({"mean": {"role": "teacher", "strategy": "finetune", "teacher": ["own"]}}, r"systems\.mean: expected either"),
        ({"student": {"teacher": "mean"}}, r"systems\.student\.strategy: expected stages"),
        ({"mean": {"role": "teacher", "teacher": [{"seed": 1}]}}, r"teacher\.0: expected either a system or a model"),
        ({"mean": {"role": "teacher", "teacher": [{"system": "student"}]}}, r"teacher\.0\.system: expected a system"),
        ({"mean": {"role": "teacher", "teacher": ["own"], "folds": 2}}, r"systems\.mean: start and folds are for"),
        ({"student": {"strategy": "finetune", "teacher": "own", "folds": 2}}, r"systems\.student\.folds: are for"),
        ({"mean": {"role": "teacher", "teacher": [{"model": "x", "seed": 1}]}}, r"teacher\.0\.seed: is for a system"),
        ({"mean": {"role": "teacher", "teacher": [{"system": "own", "labels": {"A": "O"}}]}}, "labels and scheme are"),
        ({"mean": {"role": "teacher", "teacher": [{"system": "own", "weight": 0}]}}, "weight"),
        (
            {
                "own": {"role": "teacher", "strategy": "finetune", "folds": 2},
                "mean": {"role": "teacher", "teacher": [{"system": "own", "seed": 5}]},
            },
            r"teacher\.0\.seed: 'own' has folds",
        ),
    ],
)
def test_mistakes_are_told_before_any_work(changes, message, settings):
    settings["systems"] |= changes
    with pytest.raises(ConfigError, match=message):
        from_settings(settings)


def test_labels_that_do_not_fit_are_told_before_any_work(settings, external, tmp_path):
    settings["systems"] = {"student": {"strategy": LABELS_ONLY, "teacher": str(external)}}
    with pytest.raises(ConfigError, match=r"systems\.external\.teacher: .*has 2 types that the corpus has not"):
        Prepared(from_settings(settings), tmp_path / "store")
