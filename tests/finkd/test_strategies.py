import pytest

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.stages.finetune import Finetune
from finkd.stages.task_distill import TaskDistill
from finkd.stages.truncate_layers import TruncateLayers
from finkd.strategies import strategies
from finkd.strategies.parsing import merge, parse, written_out
from finkd.training.schedule import Schedule


def test_stages_are_read_in_order_with_their_settings():
    steps = parse(" truncate-layers( layers=[0, 2] )> task-distill:text(schedule.epochs=3) > finetune", {})
    assert [step.name for step in steps] == ["truncate-layers", "task-distill:text", "finetune"]
    assert [step.stage for step in steps] == [
        TruncateLayers((0, 2)),
        TaskDistill(on="text", schedule=Schedule(epochs=3)),
        Finetune(),
    ]


def test_several_settings_of_one_stage_add_up():
    (step,) = parse("finetune(schedule.epochs=3, schedule.learning_rate=1e-5, smoothing=0.1)", {})
    assert step.stage == Finetune(Schedule(epochs=3, learning_rate=1e-5), 0.1)


def test_a_name_stands_for_its_stages():
    assert parse("finetune", {})[0].stage == Finetune()
    assert [step.name for step in parse("truncate-finetune", {})] == ["truncate-layers", "finetune"]


def test_a_name_stands_for_its_stages_within_another_strategy():
    steps = parse("masked-teacher > truncate-layers > replace-vocabulary", {"adapt": {"masking": 0.3}})
    assert [step.name for step in steps] == ["adapt", "truncate-layers", "replace-vocabulary"]
    assert (steps[0].stage.train, steps[0].stage.masking) == ("head", 0.3)


@pytest.mark.parametrize("named", ["masked-teacher()", "masked-teacher(masking=0.3)", "masked-teacher:gold"])
def test_a_name_within_another_strategy_takes_no_settings(named):
    with pytest.raises(ConfigError, match="'masked-teacher' stands for several stages"):
        parse(f"{named} > truncate-layers", {})


def test_brackets_win_over_the_variant_and_the_variant_over_the_kind():
    defaults = {
        "task-distill": {"schedule": {"epochs": 2, "batch_tokens": 64, "warmup": 0.5}},
        "task-distill:text": {"schedule": {"epochs": 3, "warmup": 0.25}},
    }
    text, gold = (step.stage for step in parse("task-distill:text(schedule.epochs=4) > task-distill:gold", defaults))
    assert (text.schedule.epochs, text.schedule.warmup, text.schedule.batch_tokens) == (4, 0.25, 64)
    assert (gold.schedule.epochs, gold.schedule.warmup, gold.schedule.batch_tokens) == (2, 0.5, 64)
    assert (text.on, gold.on) == ("text", "gold")


def test_one_setting_of_a_loss_leaves_the_others_alone():
    defaults = {
        "task-distill": {"losses": {"cross-entropy": {}, "word-logits-kl": {"weight": 3}}, "schedule": {"epochs": 2}}
    }
    steps = parse("task-distill(losses.word-logits-kl.temperature=4)", defaults)
    assert steps[0].stage.losses == {"cross-entropy": {}, "word-logits-kl": {"weight": 3, "temperature": 4}}
    assert steps[0].stage.schedule.epochs == 2


def test_null_takes_a_term_out():
    defaults = {"task-distill": {"losses": {"cross-entropy": {}, "word-logits-kl": {}}}}
    steps = parse("task-distill(losses.cross-entropy=null)", defaults)
    assert steps[0].stage.losses == {"word-logits-kl": {}}


def test_merging_changes_neither_side():
    first, second = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(first, second) == {"a": {"b": 1, "c": 2}}
    assert (first, second) == ({"a": {"b": 1}}, {"a": {"c": 2}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a stage at character 0"),
        ("finetune >", "expected a stage at character 10"),
        ("> finetune", "expected a stage at character 0"),
        ("truncate-layers > Finetune", "expected a stage at character 18"),
        ("truncate-layers >> finetune", "expected a stage at character 17"),
        ("truncate-layers finetune", r"expected '>' at character 16 .*\(got 'f'\)"),
        ("truncate-layers(layers=[0] > finetune", r"^strategy: '\(' at character 15 of .* is not closed$"),
        ("truncate-layers(layers=[0,5] > finetune", r"^strategy: '\(' at character 15 of .* is not closed$"),
        (
            "truncate-layers(layers=[0,5) > finetune",
            r"^strategy: '\[' at character 23 .* not closed \(found '\)' at character 27\)$",
        ),
        (
            "truncate-layers(layers={a) > finetune",
            r"^strategy: '\{' at character 23 .* not closed \(found '\)' at character 25\)$",
        ),
        (
            "truncate-layers(layers=]) > finetune",
            r"^strategy: '\(' at character 15 .* not closed \(found '\]' at character 23\)$",
        ),
        ("truncate-layers)", r"expected '>' at character 15 .*\(got '\)'\)"),
        ("distill(teacher=a(b)) > finetune", r"found '\(' at character 17 .* in the brackets of a stage"),
        ("distill" + "(" * 10_000, r"found '\(' at character 8 .* in the brackets of a stage"),
        (" > ".join(["truncate-layers"] * 20_000), "strategy: expected up to 100,000 characters"),
        (" > ".join(["truncate-layers"] * 2_000), "strategy: expected up to 100 stages"),
        ("finetune(schedule..epochs=3)", "expected the name of a setting, such as schedule.epochs"),
        ("finetune(=3)", "expected the name of a setting, such as schedule.epochs"),
        (f"finetune({'a.' * 3000}a=3)", "expected the name of a setting, such as schedule.epochs"),
        ("finetune(schedule.epochs=" + "[" * 40 + "]" * 40 + ")", r"nested more than|input should be a valid number"),
        ("finetune(smoothing=" + "9" * 5000 + ")", r"a number of 5,000 characters"),
        ("finetune(schedule.batch_tokens='" + "9" * 30 + "')", r"batch_tokens: expected whole numbers up to"),
        ("truncate-layers(layers)", r"expected key=value in the brackets of 'truncate-layers' \(got 'layers'\)"),
        (
            "truncate-layers(layer=[0])",
            r"truncate-layers\.layer: unknown setting; did you mean 'layers'\? \(choose from layers, token_types, wid",
        ),
        (
            "finetune(epochs=3)",
            r"epochs: unknown setting; did you mean 'schedule\.epochs'\? \(choose from schedule",
        ),
        ("finetune(schedule.epochs=.inf)", r"schedule\.epochs: input should be a finite number"),
        (
            "truncate-layers(layers={a: 1, a: 2})",
            r"layers of 'truncate-layers': not valid YAML \('a' is given twice\)$",
        ),
        ("truncate-layers(layers=[a])", r"stages\.truncate-layers\.layers\.0: input should be a valid integer"),
        (
            "task-distill:golf",
            r"stages\.task-distill:golf\.on: input should be 'gold', 'text' or 'general' \(got 'golf'\)",
        ),
        ("finetune:gold", r"stages\.finetune:gold\.on: unknown setting"),
        ("finetune(schedule=3)", r"stages\.finetune\.schedule: "),
        ("task-distill(losses=3)", r"losses: input should be a valid string or .* valid dictionary \(got 3\)$"),
        (
            "task-distill(losses={word-logits-kl: 3})",
            r"^stages\.task-distill\.losses\.word-logits-kl: .* dictionary \(got 3\)$",
        ),
    ],
)
def test_mistakes_are_named_where_they_stand(text, message):
    with pytest.raises(ConfigError, match=message):
        parse(text, {})


def test_brackets_in_quotes_are_text():
    (step,) = parse("replace-vocabulary(tokenizer='a)b, [c', protect_file=\"d(e\")", {})
    assert (step.stage.tokenizer, step.stage.protect_file) == ("a)b, [c", "d(e")


def test_an_unknown_stage_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match=r"there is no 'finetun'; did you mean 'finetune'\?.*character 19 of"):
        parse("truncate-layers >  finetun", {})


def test_settings_may_be_mappings_and_nested_lists():
    text = "task-distill(losses={word-logits-kl: {}, aligned-hidden-states: {layers: [[1, 2], [3, 6]]}})"
    (step,) = parse(text, {})
    assert list(step.stage.losses) == ["word-logits-kl", "aligned-hidden-states"]
    assert step.stage.terms()[1].layers == ((1, 2), (3, 6))


@pytest.mark.parametrize("name", list(strategies))
def test_written_out_a_strategy_means_the_same_whatever_the_defaults_are(name):
    defaults = {"finetune": {"schedule": {"epochs": 3, "dropout": 0.2}}, "truncate-layers": {"layers": [0, 1]}}
    others = {"finetune": {"schedule": {"epochs": 9}, "smoothing": 0.1}, "truncate-layers": {"width": 96}}
    assert parse(written_out(name, defaults), others) == parse(name, defaults)


@pytest.mark.parametrize(
    ("strategy", "defaults", "others"),
    [
        (
            "task-distill:gold",
            {"task-distill": {"losses": {"word-logits-kl": {}}}},
            {"task-distill": {"losses": {"word-logits-kl": {"temperature": 4.0}, "cross-entropy": {}}}},
        ),
        (
            "distill:text",
            {"distill": {"teacher": "adapt(schedule.epochs=1) > finetune", "schedule": {"seconds": 9}}},
            {"distill": {"teacher": "origin", "losses": "minilm"}},
        ),
    ],
)
def test_written_out_a_strategy_keeps_its_losses_and_its_teacher(strategy, defaults, others):
    assert parse(written_out(strategy, defaults), others) == parse(strategy, defaults)


def test_null_in_brackets_takes_a_setting_of_the_config_back():
    (step,) = parse("truncate-layers(width=null)", {"truncate-layers": {"layers": [0], "width": 96}})
    assert step.stage == TruncateLayers((0,))
