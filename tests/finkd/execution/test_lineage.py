import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from finkd.corpora.errors import ConfigError, UnavailableError
from finkd.execution import lineage
from finkd.execution.lineage import addresses
from finkd.models.pretrained import fingerprint
from finkd.stages.finetune import Finetune
from finkd.store import MANIFEST, Store
from finkd.strategies.parsing import parse
from finkd.strategies.strategy import Step
from finkd.teachers.teacher import Teacher
from tests.finkd.toys import QUICK, context, tiny_model

pytestmark = pytest.mark.slow

SETTINGS = {
    "truncate-layers": {"layers": [0, 2]},
    "finetune": {"schedule": {"epochs": 1, "batch_tokens": 64}},
    "task-distill": {"schedule": {"epochs": 1, "batch_tokens": 64}},
    "replace-vocabulary": {"size": 200},
}
SHORT, LONG = "truncate-layers > finetune", "truncate-layers > finetune > task-distill:gold"


@pytest.fixture
def teacher(tmp_path):
    folder = tmp_path / "teacher"
    folder.mkdir()
    tiny_model(layers=3).save(folder)
    return str(folder)


def run(teacher, strategy, where, **settings):
    steps = parse(strategy, {**SETTINGS, **settings})
    return lineage.run(teacher, fingerprint(teacher), steps, where)


def weights(outcome):
    # Loaded weights are mapped from the file, and a test that damages the file would change them.
    return {name: weight.clone() for name, weight in outcome.load().network.state_dict().items()}


def cached(outcome):
    return [(stage.kind, stage.cached) for stage in outcome.lineage]


def test_a_strategy_ends_in_a_stored_model(teacher, tmp_path):
    outcome = run(teacher, LONG, context(tmp_path))
    model = outcome.load()
    assert len(model.layers) == 2
    assert model.labels == context(tmp_path).labels
    assert cached(outcome) == [("truncate-layers", False), ("finetune", False), ("task-distill:gold", False)]
    assert [stage.tokens > 0 for stage in outcome.lineage] == [False, True, True]
    assert outcome.folder.name == outcome.key == outcome.lineage[-1].key
    assert outcome.lineage[0].config == {"layers": (0, 2), "width": None, "token_types": True}


def test_strategies_share_the_work_of_a_common_prefix(teacher, tmp_path):
    short = run(teacher, SHORT, context(tmp_path))
    begun = []
    steps = parse(LONG, SETTINGS)
    long = lineage.run(
        teacher, fingerprint(teacher), steps, context(tmp_path), lambda stage, place: begun.append((stage, place))
    )
    assert begun == [("task-distill:gold", 2)]
    assert cached(long) == [("truncate-layers", True), ("finetune", True), ("task-distill:gold", False)]
    assert [stage.key for stage in long.lineage[:2]] == [stage.key for stage in short.lineage]
    assert [stage.tokens for stage in long.lineage[:2]] == [stage.tokens for stage in short.lineage]
    assert all(flag for _, flag in cached(run(teacher, LONG, context(tmp_path))))


def test_taken_up_from_the_store_it_ends_in_the_same_bits(teacher, tmp_path):
    """A stage reads its parent from memory or, after a crash, from disk; that must not show."""
    strategy = "truncate-layers > replace-vocabulary > finetune > task-distill:gold"
    through = weights(run(teacher, strategy, context(tmp_path / "one")))
    for done in (
        "truncate-layers",
        "truncate-layers > replace-vocabulary",
        "truncate-layers > replace-vocabulary > finetune",
    ):
        run(teacher, done, context(tmp_path / "two"))
    resumed = weights(run(teacher, strategy, context(tmp_path / "two")))
    torch.testing.assert_close(resumed, through, rtol=0, atol=0)


DAMAGES = {
    "manifest cut": lambda folder: _cut(folder / MANIFEST),
    "manifest deleted": lambda folder: (folder / MANIFEST).unlink(),
    "weights cut": lambda folder: _cut(folder / "model.safetensors"),
    "tokenizer deleted": lambda folder: (folder / "tokenizer.json").unlink(),
    "folder deleted": shutil.rmtree,
}


def _cut(path):
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("damage", list(DAMAGES))
def test_any_stage_that_is_not_whole_is_computed_again(damage, place, teacher, tmp_path):
    where = context(tmp_path)
    first = run(teacher, LONG, where)
    DAMAGES[damage](where.store.root / first.lineage[place].key)
    again = run(teacher, LONG, where)
    assert [stage.cached for stage in again.lineage] == [index != place for index in range(3)]
    assert same_but_clock(again) == same_but_clock(first)
    assert [where.store.problem(stage.key) for stage in first.lineage] == ["", "", ""]


def same_but_clock(outcome):
    """The records of a lineage without what a kill changes."""
    return [replace(stage, seconds=0.0, cached=False) for stage in outcome.lineage]


class Killed(BaseException):
    """Stands for a signal."""


@pytest.mark.parametrize("step", [1, 2, 10, 19])
def test_records_are_the_same_after_a_kill(step, teacher, tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.progress._POINTS", 10)
    schedule = {"epochs": 10, "batch_tokens": 64}  # more steps than a curve has points
    settings = {"finetune": {"schedule": schedule}, "task-distill": {"schedule": schedule}}
    expected = run(teacher, LONG, context(tmp_path / "alone"), **settings)

    def listen(progress):
        if progress.loss is not None and progress.step == step:
            raise Killed

    for _ in range(2):  # in each of the two trainings
        with pytest.raises(Killed):
            run(teacher, LONG, replace(context(tmp_path), listen=listen, checkpoint_seconds=0.0), **settings)
        step += 1
    found = run(teacher, LONG, context(tmp_path), **settings)
    assert same_but_clock(found) == same_but_clock(expected)
    assert len(found.lineage[1].losses) == 10


def test_checkpoints_that_a_kill_left_behind_a_stored_stage_go(teacher, tmp_path, monkeypatch):
    where = replace(context(tmp_path), checkpoint_seconds=0.0)

    def killed(checkpoints):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("finkd.training.checkpoints.Checkpoints.clear", killed)
        with pytest.raises(Killed):
            run(teacher, "finetune", where)
    assert list(where.store.root.glob("*.part-*"))
    run(teacher, "finetune", where)
    assert not list(where.store.root.glob("*.part-*"))


def test_two_runs_that_need_a_stage_compute_it_once(teacher, tmp_path, monkeypatch):
    computed = []

    class Counted(Finetune):
        def run(self, model, setting):
            computed.append(setting)
            return super().run(model, setting)

    steps = [Step("finetune", Counted(schedule=QUICK))]
    real, other = Store.turn, []

    @contextmanager
    def waiting(store, key):
        """Let another run end meanwhile, in this thread: transformers cannot load two models at once."""
        monkeypatch.setattr(Store, "turn", real)
        other.append(lineage.run(teacher, fingerprint(teacher), steps, context(tmp_path)))
        with real(store, key):
            yield

    monkeypatch.setattr(Store, "turn", waiting)
    mine = lineage.run(teacher, fingerprint(teacher), steps, context(tmp_path))
    assert len(computed) == 1
    assert mine.key == other[0].key
    assert mine.lineage[0].tokens == other[0].lineage[0].tokens > 0
    assert (cached(mine), cached(other[0])) == ([("finetune", True)], [("finetune", False)])


def test_what_goes_wrong_in_a_stage_is_not_taken_for_a_full_disk(teacher, tmp_path):
    class Fails(Finetune):
        def run(self, model, setting):
            raise FileNotFoundError("corpus.conll")

    with pytest.raises(FileNotFoundError, match=r"corpus\.conll"):
        lineage.run(teacher, fingerprint(teacher), [Step("finetune", Fails())], context(tmp_path))


def keys(teacher, where, **settings):
    return addresses(fingerprint(teacher), parse(LONG, {**SETTINGS, **settings}), where)


def test_a_setting_changes_its_own_stage_and_those_after_it_unless_it_is_the_default(teacher, tmp_path):
    reference = keys(teacher, context(tmp_path))
    changed = keys(teacher, context(tmp_path), finetune={"schedule": {"epochs": 2, "batch_tokens": 64}})
    assert [a == b for a, b in zip(reference, changed, strict=True)] == [True, False, False]
    spelt = {"schedule": {"epochs": "1", "batch_tokens": 64, "warmup": 0.1}, "smoothing": 0}
    assert keys(teacher, context(tmp_path), finetune=spelt) == reference


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"seed": 2}, [True, False, False]),
        ({"corpus": "other"}, [True, False, False]),
        ({"precision": "bf16"}, [True, False, False]),
        ({"labels": ("O", "B-X", "I-X")}, [True, False, False]),
        ({"teacher": Teacher("other", tiny_model)}, [True, True, False]),
        ({"listen": print}, [True, True, True]),
    ],
)
def test_what_a_stage_depends_on_is_in_its_address(teacher, tmp_path, change, same):
    reference = keys(teacher, context(tmp_path))
    changed = keys(teacher, replace(context(tmp_path), **change))
    assert [a == b for a, b in zip(reference, changed, strict=True)] == same


def test_results_of_another_version_of_a_stage_are_not_taken(teacher, tmp_path, monkeypatch):
    reference = keys(teacher, context(tmp_path))
    monkeypatch.setattr(Finetune, "version", 99)
    changed = keys(teacher, context(tmp_path))
    assert [a == b for a, b in zip(reference, changed, strict=True)] == [True, False, False]


def test_the_origin_is_what_the_folder_holds(teacher, tmp_path):
    origins = []
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        tiny_model(layers=3, seed=seed).save(folder)
        origins.append(fingerprint(str(folder)))
    assert origins[0] == fingerprint(teacher) != origins[1]


def test_what_is_missing_is_said_before_any_work(teacher, tmp_path):
    where = replace(context(tmp_path), teacher=None)
    with pytest.raises(ConfigError, match="no system has the role 'teacher'"):
        run(teacher, LONG, where)
    assert not where.store.root.exists()
    with pytest.raises(UnavailableError):
        run(str(tmp_path / "nowhere"), SHORT, context(tmp_path))


def test_the_labels_of_a_teacher_are_computed_once(teacher, tmp_path):
    labels = "losses={word-logits-kl: {}}"  # whoever asks for the teacher's states too needs the teacher itself
    where = context(tmp_path)
    loads = []
    counting = replace(where.teacher, load=lambda: loads.append(1) or context(tmp_path).teacher.load())
    where = replace(where, teacher=counting)
    run(teacher, f"task-distill:gold({labels})", where)
    run(teacher, f"truncate-layers > task-distill:gold({labels})", where)
    assert loads == [1]


def test_no_setting_is_hidden_by_what_a_stage_depends_on(tmp_path):
    """A setting leaves the address only for what it was resolved to, under the same name."""
    (tmp_path / "words.txt").write_text("Goldman\n")
    given = f"protect_file={tmp_path / 'words.txt'}"
    strategies = [
        f"replace-vocabulary({given})",
        f"replace-vocabulary({given}, protect.digits=split)",
        "replace-vocabulary",
    ]
    assert len({addresses("start", parse(each, {}), context(tmp_path))[0] for each in strategies}) == 3
