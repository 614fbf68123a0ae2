"""``finkd distill`` by the real command: teachers of every kind, raw text alone, and a corpus beside it."""

import json
import re
import shutil
import sys
import types
from unittest.mock import Mock

import numpy as np
import pytest
import spacy

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.experiments.running import distillation
from finkd.models.loading import load_model
from finkd.records import load_records
from finkd.reports.report import compose
from finkd.teachers import kind_of, kinds
from finkd.teachers.gliner_tagger import open_gliner
from finkd.teachers.label_map import LabelReading
from finkd.teachers.predictions import open_predictions
from finkd.teachers.spans import Span, span_probabilities
from tests.finkd.toys import tagged, tiny_model
from tests.toys import roberta

pytestmark = pytest.mark.slow

THEIRS = ("B-MISC", "I-MISC", "B-PERSON", "I-PERSON", "O", "B-ORG", "I-ORG", "E-ORG", "S-ORG")
OURS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG")
QUICK = ("--set", "task-distill.schedule={epochs: 2, batch_tokens: 64, precision: fp32}", "--held-out", "8")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Forty sentences of raw text."""
    path = tmp_path_factory.mktemp("text") / "raw.txt"
    path.write_text("\n".join(f"Acme Corp lent {number} million to the Lender in May." for number in range(40)))
    return path


@pytest.fixture
def tagger(tmp_path):
    """A tagger with labels of its own."""
    folder = tmp_path / "tagger"
    folder.mkdir()
    tiny_model(roberta(), labels=THEIRS, family="roberta").save(folder)
    return folder


@pytest.fixture
def pipeline(tmp_path):
    """A spaCy pipeline that finds two names."""
    language = spacy.blank("en")
    ruler = language.add_pipe("entity_ruler")
    patterns = [{"label": "ORG", "pattern": [{"TEXT": "Acme"}, {"TEXT": "Corp", "OP": "?"}]}]
    ruler.add_patterns([*patterns, {"label": "PER", "pattern": "Lender"}])
    language.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_raw_text_and_a_tagger_are_enough(finkd, tagger, text, teacher, tmp_path):
    out = tmp_path / "runs" / "small"
    labels = ("--labels", "PERSON=PER,MISC=O")
    command = ("distill", "--teacher", tagger, "--text", text, "--start", teacher, "--out", out, *labels, *QUICK)
    shown = finkd(*command, code=0).stdout
    assert "the teacher's tags" in shown
    assert load_model(out).labels == OURS
    (record,) = load_records([out])
    assert record.lineage[-1].kind == "task-distill:text"
    assert "task-distill:text" in (out / "README.md").read_text()
    (again,) = json.loads(finkd(*command, "--json", code=0).stdout)
    assert again["scores"]["micro"]["f1"] == record.scores.micro.f1
    assert again.keys() == record.figures.keys()
    assert again["resources"]["parameters"] == record.resources.parameters
    card = (out / "README.md").read_text()
    assert "**No gold labels**" in card
    assert str(tagger) in card.replace("\\", "")
    assert "model-index" not in card
    other = finkd(*command, "--sentences", "20", code=2)
    assert "holds another distillation (sentences differs)" in other.stderr
    errors = finkd("errors", out / "student-held-out.record.json", code=1)
    assert "'finkd distill' keeps no predictions; name the tagger's folder, and a --corpus" in errors.stderr


def test_what_is_read_and_other_models_are_not_replaced(finkd, tagger, text, teacher, corpus, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    tiny_model().save(other)
    command = ("distill", "--teacher", tagger, "--text", text, "--start", teacher, "--corpus", corpus, *QUICK)
    before = {path: path.read_bytes() for folder in (tagger, teacher, other) for path in folder.iterdir()}
    for out in (tagger, teacher, text.parent, corpus):
        assert "holds what is read" in finkd(*command, "--out", out, code=2).stderr
    assert "holds other files" in finkd(*command, "--out", other, code=2).stderr
    assert {path: path.read_bytes() for path in before} == before


def test_a_student_may_have_a_vocabulary_of_its_own(finkd, tagger, text, teacher, tmp_path):
    out = tmp_path / "small"
    command = ("distill", "--teacher", tagger, "--text", text, "--start", teacher, "--out", out, "--vocab-size", 120)
    finkd(*command, *QUICK, code=0)
    assert len(load_model(out).tokenizer) <= 120
    result = finkd(*command, "--strategy", "truncate-layers > task-distill:text", code=2)
    assert "replace-vocabulary(size=N)" in result.stderr


def test_a_pipeline_and_a_corpus(finkd, pipeline, text, teacher, corpus, tmp_path):
    out = tmp_path / "runs" / "small"
    corpus = shutil.copytree(corpus, tmp_path / "corpus")
    (corpus / "train.conll").write_text((corpus / "train.conll").read_text() + (corpus / "test.conll").read_text())
    command = ("distill", "--teacher", pipeline, "--text", text, "--start", teacher, "--out", out, *QUICK)
    found = json.loads(finkd(*command, "--corpus", corpus, "--json", code=0).stdout)
    assert [(each["system"], each["split"]) for each in found] == [
        ("student", "held-out"),
        ("teacher", "test"),
        ("student", "test"),
    ]
    assert found[0]["scores"]["micro"]["gold"] == 16
    assert found[1]["scores"]["per_type"]["PER"]["f1"] == 1
    assert {(record.split, record.overlap) for record in load_records([out])} == {("held-out", 0), ("test", 1)}
    assert "100.0% of the scored sentences also stand in the training split." in (out / "README.md").read_text()
    on_corpus, on_text = compose(load_records([out]), ["results"]).chapters
    _, student_row = on_corpus.tables["results"].rows
    place = [column.key for column in on_corpus.tables["results"].columns].index("retention")
    assert student_row[place].value == found[2]["scores"]["micro"]["f1"] / found[1]["scores"]["micro"]["f1"]
    assert "the teacher's tags stand for gold: F1 is agreement with it), 16 gold" in on_text.tables["results"].caption
    assert "F1 is agreement" not in on_corpus.tables["results"].caption


def test_predictions_are_a_text_of_their_own(finkd, teacher, tmp_path):
    rows = [{"words": ["Acme", "lent", str(number)], "tags": ["B-ORG", "O", "O"]} for number in range(20)]
    path = tmp_path / "predictions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "runs" / "small"
    finkd("distill", "--teacher", path, "--start", teacher, "--out", out, *QUICK, code=0)
    assert load_model(out).labels == ("O", "B-ORG", "I-ORG")
    (record,) = load_records([out])
    assert (record.scores.micro.gold, record.texts["text"]) == (4, 16)  # a fifth is held out at most


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "has 2 types"),
        (("--labels", "PERSON=PER", "--labels", "MISC"), "--labels: expected a type of the teacher"),
        (("--split", "test"), "--split does nothing without --corpus"),
        (("--split", "train"), "split: the student learns from train; choose another one (got 'train')"),
        (("--set", "task-distil:text.schedule.epochs=9"), "strategies: there is no 'task-distil:text'"),
        (("--set", "stages.task-distill:txt.schedule.epochs=9"), "--set (STAGE.KEY=VALUE): task-distill:txt"),
        (("--set", "epochs=9"), "--set (STAGE.KEY=VALUE): epochs: stages and strategies: there is no 'epochs'"),
    ],
)
def test_mistakes_are_told_before_any_work(options, message, finkd, tagger, text, teacher, corpus, tmp_path):
    corpora = () if options == ("--split", "test") else ("--corpus", corpus)
    command = ("distill", "--teacher", tagger, "--text", text, "--start", teacher, "--out", tmp_path / "out" / "small")
    result = finkd(*command, *options, *corpora, *QUICK)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_settings_of_a_stage_are_added_to_those_of_distill(tagger, text, teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(distillation, "checked", Mock(side_effect=LookupError))
    for stages in ({"truncate-layers": {"layers": [0]}}, {"task-distill:text": {"schedule": {"epochs": 9}}}):
        with pytest.raises(LookupError):
            distillation.distill(tagger, tmp_path / "small", text=str(text), start=str(teacher), stages=stages)
    first, second = (call.kwargs["stages"] for call in distillation.checked.call_args_list)
    assert first == {**distillation.STAGES, "truncate-layers": {"layers": [0]}}
    assert second["task-distill:text"]["losses"] == distillation.STAGES["task-distill:text"]["losses"]
    assert second["task-distill:text"]["schedule"]["epochs"] == 9


def test_a_seed_that_is_none_is_refused_before_work(tagger, tmp_path):
    for seed in (-1, 2**32):
        with pytest.raises(ConfigError, match="seeds: expected numbers"):
            distillation.distill(tagger, tmp_path / "small", text="sample-text", seed=seed)
    assert not list(tmp_path.glob("store"))


def test_raw_text_has_to_be_named(finkd, tagger, teacher, tmp_path):
    result = finkd("distill", "--teacher", tagger, "--start", teacher, "--out", tmp_path / "small", *QUICK)
    assert result.exit_code == 2
    assert "--text: expected raw text" in result.stderr


def test_words_without_predictions_are_left_out(finkd, text, teacher, tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps({"words": ["Acme", "lent"], "distributions": [{"B-ORG": 1}, {"O": 1}]}))
    command = ("distill", "--teacher", path, "--text", text, "--start", teacher, "--out", tmp_path / "small", *QUICK)
    result = finkd(*command)
    assert result.exit_code == 1
    assert "the teacher reads no whole sentence of the 8 that are held out; give text that it was made" in result.stderr
    assert not (tmp_path / "small").exists()


def test_predictions_of_raw_text_and_a_corpus_beside_them(finkd, teacher, corpus, tmp_path):
    rows = [{"words": ["Acme", "lent", str(number % 30)], "tags": ["B-ORG", "O", "B-PER"]} for number in range(60)]
    path = tmp_path / "predictions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "runs" / "small"
    finkd("distill", "--teacher", path, "--start", teacher, "--corpus", corpus, "--out", out, *QUICK, code=0)
    student, held_out = load_records([out])
    assert (student.system, student.corpus, held_out.split) == ("student", student.corpus, "held-out")
    assert held_out.texts["text"] + 6 == 30  # repeats are no text of their own, so none is held out that was read


def test_a_file_of_predictions_in_io(tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps({"words": ["Acme", "Corp", "lent"], "tags": ["I-ORG", "I-ORG", "O"]}))
    found = open_predictions(str(path), LabelReading(scheme="IO"))
    (probabilities,) = found.probabilities([Sentence.from_words(["Acme", "Corp", "lent"])], "fp32")
    assert [found.labels[place] for place in probabilities.argmax(axis=1)] == ["B-ORG", "I-ORG", "O"]


def test_predictions_take_memory_for_what_is_not_zero(tmp_path):
    path = tmp_path / "predictions.jsonl"
    rows = [{"O": 0.25, "B-A": 0.75}, {"I-A": 1, "O": 0}, *({f"B-T{number}": 1} for number in range(50))]
    path.write_text(json.dumps({"words": ["w"] * len(rows), "distributions": rows}) + "\n")
    found = open_predictions(str(path), LabelReading())
    (entries,) = found.found.values()
    assert len(entries.values) == len(rows) + 1
    (probabilities,) = found.probabilities(found.sentences, "fp32")
    expected = [[row.get(label, 0.0) for label in found.labels] for row in rows]
    assert probabilities.tolist() == expected


def test_entities_of_a_type_that_is_not_listed_are_refused():
    with pytest.raises(ConfigError, match="found an entity of the type 'DATE', which it does not list"):
        span_probabilities(tagged("May/O"), [Span(0, 3, "DATE")], ("O", "B-ORG", "I-ORG"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"words": ["a"], "distributions": []}', "expected 'distributions', a list with a mapping for each of 1 word"),
        ('{"words": ["a"], "distributions": [{"O": 0.5}]}', "1 together"),
        ('{"words": ["a"], "distributions": [{"O": 2}]}', "from 0 to 1"),
        ('{"words": ["a"], "distributions": [{"O": true}]}', "from 0 to 1"),
        ('{"words": "a", "distributions": [{"O": 1}]}', "expected 'words', a list of texts"),
        ('{"distributions": [{"O": 1}]}', "expected 'words'"),
        ('{"words": ["a"], "distributions": [{"O": 1}]}\n{"words": ["a"], "distributions": [{"B-A": 1}]}', "different"),
    ],
)
def test_broken_predictions_are_refused_by_line(line, message, tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text(line)
    with pytest.raises(ValueError, match=message):
        open_predictions(str(path), LabelReading())


def test_a_kind_is_told_by_files_or_by_name(tagger, pipeline, tmp_path):
    (tmp_path / "gliner").mkdir()
    (tmp_path / "gliner" / "gliner_config.json").write_text("{}")
    (tmp_path / "file.jsonl").write_text("{}")
    assert kind_of(str(tagger))[0] == "transformers"
    assert kind_of(str(pipeline))[0] == "spacy"
    assert kind_of(str(tmp_path / "gliner"))[0] == "gliner"
    assert kind_of(str(tmp_path / "file.jsonl"))[0] == "predictions"
    assert kind_of("missing.jsonl") == ("predictions", "missing.jsonl")
    assert kind_of("dslim/bert-base-NER") == ("transformers", "dslim/bert-base-NER")
    assert [kind_of(f"{kind}:name") for kind in kinds] == [(kind, "name") for kind in kinds]


def test_gliner_finds_spans_with_scores(tmp_path, monkeypatch):
    """With a stand-in for the package, which CI does not install; docs/log.md tells of a run with the real one."""
    (tmp_path / "gliner_config.json").write_text("{}")

    class GLiNER:
        config = types.SimpleNamespace(max_len=3)

        @classmethod
        def from_pretrained(cls, folder, local_files_only):
            assert local_files_only
            return cls()

        @property
        def data_processor(self):
            return types.SimpleNamespace(
                words_splitter=lambda text: ((each[0], *each.span()) for each in re.finditer(r"\w+", text))
            )

        def inference(self, texts, labels, batch_size):
            assert labels == ["company"]
            return [[{"start": 0, "end": 9, "label": "company", "score": 0.75}] for _ in texts]

    module = types.ModuleType("gliner")
    module.GLiNER = GLiNER
    module.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "gliner", module)
    source = open_gliner(str(tmp_path), LabelReading({"company": "ORG"}))
    (found, longer) = source.probabilities(
        [tagged("Acme/O Corp/O lent/O"), tagged("Acme/O Corp/O lent/O it/O")], "fp32"
    )
    assert found.tolist() == [[0.25, 0.75, 0], [0.25, 0, 0.75], [1, 0, 0]]
    assert longer[:3].tolist() == found.tolist()
    assert np.isnan(longer[3]).all()  # it is not read, and must not be taught as O
    with pytest.raises(ConfigError, match="name the types to look for"):
        open_gliner(str(tmp_path), LabelReading())
