"""Experiments from YAML and from the command line."""

from pathlib import Path

import pytest

from finkd import experiments
from finkd.corpora import corpora
from finkd.corpora.errors import ConfigError
from finkd.corpora.loading import load as load_corpus
from finkd.experiments.configuration.experiment import from_settings, load_experiment, resolved
from finkd.experiments.configuration.layout import SLUG, slug
from finkd.experiments.configuration.reading import one_strategy, settings_in
from finkd.experiments.configuration.shipped import SHIPPED, configuration_file
from finkd.experiments.configuration.splits import scored_split
from finkd.experiments.suites.encoder_experiment import load_encoder_experiment
from finkd.strategies.parsing import parse

CONFIGS = sorted((Path(experiments.__file__).parent / "configs").rglob("*.y*ml"))


def test_every_configuration_in_the_tree_is_found():
    every = sorted(Path(experiments.__file__).parent.rglob("*.y*ml"))
    assert [path for path in every if path.name != "compose.yaml"] == CONFIGS
    assert {path.stem for path in CONFIGS} == set(SHIPPED)


def test_a_configuration_that_comes_with_finkd_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_experiment("quickstart").name == "quickstart"
    assert configuration_file("quickstart.yaml") == Path("quickstart.yaml")
    (tmp_path / "quickstart").write_text("name: mine\n")
    assert settings_in("quickstart") == {"name": "mine"}


def test_a_strategy_goes_before_a_configuration_of_its_name(finkd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = finkd("run", "distilbert", "--dry-run", code=0)
    assert "student (seed 1)" in shown.stdout


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_loads_and_names_what_exists(path):
    has_suites = "suites" in settings_in(path)
    experiment = load_encoder_experiment(path) if has_suites else load_experiment(path)
    assert experiment.name == path.stem
    assert has_suites or experiment.corpus in corpora
    assert experiment.text is None or experiment.text.corpus in corpora


def test_overrides_replace_single_settings_and_are_read_as_yaml(settings):
    overrides = ["stages.finetune.schedule.learning_rate=1e-5", "seeds=[3, 4]", "text.corpus=x", "text.sentences=5"]
    experiment = from_settings(settings, overrides)
    (step,) = parse("finetune", experiment.stages)
    assert step.stage.schedule.learning_rate == 1e-5
    assert step.stage.schedule.epochs == 6
    assert experiment.seeds == (3, 4)
    assert (experiment.text.corpus, experiment.text.sentences) == ("x", 5)


def test_a_strategy_goes_on_where_another_ends(settings):
    more = [
        "systems.Next={after: teacher, strategy: truncate-layers}",
        "systems.Last={after: Next, strategy: finetune}",
    ]
    systems = from_settings(settings, more).systems
    assert (systems["Next"].strategy, systems["Last"].strategy) == (
        "finetune > truncate-layers",
        "finetune > truncate-layers > finetune",
    )
    assert (systems["teacher"].role, systems["Next"].role) == ("teacher", "student")


@pytest.mark.parametrize(
    "other", ["{after: Nobody, strategy: truncate-layers}", "{after: Next, strategy: truncate-layers}", "{after: 1}"]
)
def test_a_strategy_goes_on_from_a_system_above_it_only(settings, other):
    with pytest.raises(ConfigError, match=r"systems\.Next\.after: expected a system above it"):
        from_settings(settings, [f"systems.Next={other}"])


def test_a_reference_is_a_student(settings):
    systems = {name: {"strategy": "truncate-layers > finetune"} for name in ("whole", "cut")}
    settings = {**settings, "systems": systems, "reference": "whole"}
    assert from_settings(settings).reference == "whole"
    assert from_settings(settings, only=["cut"]).reference == "whole"
    assert "reference" not in resolved(from_settings({**settings, "reference": None}))
    with pytest.raises(ConfigError, match=r"reference: expected a student, one of whole, cut \(got 'hole'\)"):
        from_settings(settings, ["reference=hole"])


def test_settings_given_are_not_changed(settings):
    before = repr(settings)
    from_settings(settings, ["stages.finetune.schedule.epochs=1"], seeds=[9])
    assert repr(settings) == before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Domain vocabulary, distilled", "domain-vocabulary-distilled"),
        ("../../etc/passwd", "etc-passwd"),
        ("教師 1", "教師-1"),
        ("a_b", "a-b"),
        ("???", ""),
        ("x" * 60, "x" * 60),
    ],
)
def test_a_slug_is_safe_as_a_file_name(name, expected):
    assert slug(name) == expected


def test_long_names_that_differ_late_have_different_slugs():
    one, other = slug("x" * 200 + " on finer-ord"), slug("x" * 200 + " on sec-filings")
    assert one != other
    assert len(one) == len(other) == SLUG


@pytest.mark.parametrize(
    ("splits", "expected"),
    [(("train", "validation", "test"), "test"), (("train", "validation"), "validation"), (("all",), "all")],
)
def test_the_scored_split_is_one_that_nothing_learned_from(splits, expected):
    from finkd.corpora import NerData

    assert scored_split(NerData("x", ("ORG",), dict.fromkeys(splits, ()))) == expected


def test_a_corpus_with_a_train_split_only_has_nothing_to_score():
    from finkd.corpora import NerData

    with pytest.raises(ConfigError, match="there is no 'test'"):
        scored_split(NerData("x", ("ORG",), {"train": ()}))


def test_a_users_scheme_reaches_the_reader(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.conll").write_text("Acme I-ORG\nCorp I-ORG\nfell O\n", encoding="utf-8")
    raw = {
        "name": "a",
        "corpus": str(tmp_path),
        "split": "test",
        "scheme": "IOB1",
        "systems": {"a": {"strategy": "finetune"}},
    }
    experiment = from_settings(raw)
    data = load_corpus(experiment.corpus, experiment.scheme)
    assert data.splits["test"][0].tags == ("B-ORG", "I-ORG", "O")
    with pytest.raises(ConfigError, match="scheme"):
        from_settings({**raw, "scheme": "IOB3"})


def test_a_strategy_is_scored_on_a_fifth_of_a_single_file(tmp_path):
    (tmp_path / "one.conll").write_text("Acme B-ORG\nfell O\n\n" * 10, encoding="utf-8")
    assert one_strategy("finetune", str(tmp_path / "one.conll"))["split"] == "test"


def test_a_users_unit_of_offsets_reaches_the_reader(tmp_path):
    for split in ("train", "test"):
        line = '{"text": "🚀🚀 Corvane Bank rose.", "spans": [{"start": 5, "end": 17, "label": "ORG"}]}\n'
        (tmp_path / f"{split}.jsonl").write_text(line, encoding="utf-8")
    raw = one_strategy("finetune", str(tmp_path), offsets="utf16")
    experiment = from_settings(raw)
    data = load_corpus(experiment.corpus, experiment.scheme, experiment.offsets)
    assert data.splits["test"][0].tags[-4:] == ("B-ORG", "I-ORG", "O", "O")
    with pytest.raises(ConfigError, match="offsets"):
        from_settings({**raw, "offsets": "utf32"})
