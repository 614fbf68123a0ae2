"""What a dry run and a run say alike before the first step."""

import json

import pytest
import yaml

from finkd.models.families import FAMILIES
from finkd.records import load_records
from tests.toys import wordpiece_uncased

pytestmark = pytest.mark.slow

SENTENCES = 30
TEXT = "".join(f"The bank number {number} lent money to Acme Corp.\n" for number in range(SENTENCES)) * 2
SHORT = f"finkd: text: {SENTENCES} distinct sentences of 20,000 asked for; using all of them"


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "letters.txt"
    path.write_text(TEXT)
    return path


def with_text(text, *more):
    given = (
        "--set",
        f"text={{corpus: {text}, sentences: 20000}}",
        "--set",
        "stages.task-distill.losses={word-logits-kl: {}}",
    )
    return (*given, "--set", "systems.Domain student.strategy=truncate-layers > task-distill:text", *more)


STAGES = ("distill", "task-distill")


@pytest.mark.parametrize("strategy", ["task-distill:gold", "distill:gold(teacher=origin) > finetune"])
def test_losses_that_cannot_run_are_refused(strategy, finkd, config, tmp_path):
    strategy = f"systems.Domain student.strategy=finetune > truncate-layers > {strategy}"
    losses = [f"stages.{stage}.losses={{chunk-attention: {{layers: [[1, 9]]}}}}" for stage in STAGES]
    options = [part for setting in (strategy, *losses) for part in ("--set", setting)]
    message = "systems.Domain student.strategy: losses.chunk-attention.layers: expected pairs within (1..1, 1..2)"
    assert message in finkd("run", config, *options, "--out", tmp_path, "--dry-run", code=2).stderr


@pytest.mark.parametrize("option", ["--corpus=sample", "--scheme=BIOES", "--offsets=bytes"])
def test_a_configuration_has_its_own_corpus(finkd, config, option):
    message = (
        f"run: {option.partition('=')[0]} does nothing with a configuration, which has its own (use --set KEY=VALUE)"
    )
    assert message in finkd("run", config, option, code=2).stderr


def test_the_sample_knows_how_it_is_tagged(finkd):
    result = finkd("run", "distill-finetune", "--scheme", "BIOES", code=2)
    assert "run: --scheme does nothing with 'sample', which knows how it is tagged" in result.stderr


def test_a_text_with_fewer_sentences_is_counted_and_read_whole(finkd, config, text, tmp_path, caplog):
    out = ("--out", tmp_path / "out")
    planned = finkd("run", config, *with_text(text), *out, "--dry-run", code=0)
    assert SHORT in planned.stderr.splitlines()
    finkd("run", config, *with_text(text), *out, code=0)
    assert SHORT.removeprefix("finkd: ") in caplog.messages
    records = load_records([tmp_path / "out" / "records"])
    assert {record.system: record.texts for record in records}["Domain student"] == {"text": SENTENCES}
    assert all(record.config["text"]["sentences"] == 20000 for record in records)


def test_a_budget_reckons_with_the_sentences_that_are_drawn(finkd, config, text, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("finkd.data.raw_text._COUNTED", 10)  # of 30
    found = []
    for _ in range(2):
        finkd("run", config, *with_text(text, "--set", "budget={tokens: 2000}"), "--out", tmp_path / "out", code=0)
        records = {record.system: record for record in load_records([tmp_path / "out" / "records"])}
        found.append(records["Domain student"])
    first, again = found
    assert first.texts == {"text": SENTENCES}
    assert [stage.key for stage in first.lineage] == [stage.key for stage in again.lineage]
    assert first.lineage[-1].config["schedule"]["epochs"] == pytest.approx(2000 / (1.3 * 9 * SENTENCES), rel=0.1)
    assert caplog.text.count(f"{SENTENCES} distinct sentences of 20,000 asked for; using all of them") == 2


def test_the_plan_reckons_with_the_sentences_that_are_there(finkd, config, text, tmp_path):
    def seconds(*more):
        planned = finkd("run", config, *with_text(text, *more), "--out", tmp_path / "out", "--dry-run", "--json")
        return next(row["seconds"] for row in json.loads(planned.stdout) if row["stage"] == "task-distill:text")

    few = seconds("--set", f"text.sentences={SENTENCES}")
    assert seconds() < 50 * few  # and not 20,000 / 30 times; the speed that is measured varies


REFUSED = {
    "text.min_words=50": "has 0 distinct sentences of 50 to 60 words",
    "text.min_words=70": "text.min_words: expected 0 to max_words (60; got 70)",
    "text.corpus=/none.txt": "there is no '/none.txt'",
    "text.corpus=sample": "sample: is a labelled corpus",
    "text.sources={nobody: 1}": "there is no 'nobody'",
    "systems.Domain student.strategy=finetune --set text.corpus=/none.txt": "/none.txt",
    "general={corpus: /none.txt, sentences: 5}": "/none.txt",
}


@pytest.mark.parametrize("changes", REFUSED)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_text_that_cannot_be_read_is_refused_before_work(changes, dry, finkd, config, text, tmp_path):
    more = [part for change in changes.split(" --set ") for part in ("--set", change)]
    result = finkd("run", config, *with_text(text, *more), "--out", tmp_path / "out", *dry)
    assert result.exit_code == (1 if "min_words=50" in changes else 2), result.stderr
    (line,) = result.stderr.splitlines()
    assert REFUSED[changes] in line
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_folders_that_are_not_to_be_written_are_refused(dry, finkd, config, finished, tmp_path):
    result = finkd("run", config, "--out", finished, "--set", "stages.finetune.schedule.epochs=7", *dry, code=2)
    assert "holds results of another configuration" in result.stderr
    (tmp_path / "file").write_text("")
    result = finkd("run", config, "--out", tmp_path / "file" / "toy", *dry, code=1)
    assert "cannot write (Not a directory)" in result.stderr


def test_a_stage_that_the_teacher_cannot_follow_is_refused_before_work(finkd, settings, tmp_path):
    FAMILIES["albert"].tiny(wordpiece_uncased()).save(tmp_path / "albert")
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({**settings, "teacher": str(tmp_path / "albert"), "stages": {}}))
    result = finkd("run", path, "--out", tmp_path / "out", code=2)
    (line,) = result.stderr.splitlines()
    assert "systems.Domain student.strategy: truncate-layers: model: layers of 'albert' cannot be chosen" in line
    assert not (tmp_path / "store").exists()
