import dataclasses

import pytest

from finkd.records import Resources
from finkd.reports.bootstrap import compare
from finkd.reports.captions import SAMPLE_NOTICE
from finkd.reports.formats import formats
from finkd.reports.report import compose
from finkd.reports.table import MISSING, plain
from finkd.scores import Counts, NerScores, ScoreGroup
from tests.reports.examples import example_records, ordered, record, several_orders, several_teachers


def table(name, records):
    (chapter,) = compose(records, [name]).chapters
    return chapter.tables[name]


def keyed(table):
    """Rows as {column key: cell}."""
    return [dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows]


def rows(table):
    """Rows as {column key: cell}, by the name of their system (the last one wins)."""
    return {row["system"].value: row for row in keyed(table)}


def test_results_by_hand():
    row = rows(table("results", example_records()))["domain-vocabulary"]
    # seeds find 68 + 14 and 64 + 14 of 100 entities with 100 predictions: F1 .82 and .78
    assert row["micro_f1"].text == "0.800 ± 0.028 (2)"
    assert row["micro_f1_sd"].value == pytest.approx(0.04 / 2**0.5)
    assert row["macro_f1"].value == pytest.approx(((68 / 80 + 0.7) / 2 + (64 / 80 + 0.7) / 2) / 2)
    assert row["retention"].text == "93.0"
    assert row["parameters"].text == "6.80"
    assert row["embedding_share"].text == "45.0"
    assert row["bytes"].text == "27.2"
    assert row["latency_p50_ms"].text == "2.00"
    assert row["words_per_second"].text == "10,000"
    assert row["training_seconds"].value == pytest.approx((3 * 61 + 3 * 62) / 2)
    records = tuple(f"vocabulary/fin3/domain-vocabulary/seed-{seed}" for seed in (1, 2))
    assert row["micro_f1"].records == row["latency_p50_ms"].records == records


@pytest.mark.parametrize(("field", "heading"), [("names_only", "Names-only F1"), ("unseen", "Unseen F1")])
def test_f1_of_hard_names_is_shown_when_a_record_has_it(field, heading):
    assert heading not in {column.heading for column in table("results", example_records()).for_readers()[0]}
    scores = NerScores({"PER": Counts(3, 4, 5)}, **{field: Counts(1, 2, 2)})
    found = table("results", [dataclasses.replace(record("a", "student", 1), scores=scores)])
    assert rows(found)["a"][f"{field}_f1"].text == "0.500"
    assert heading in {column.heading for column in found.for_readers()[0]}
    assert any(note.startswith(f"{heading}: of the 2 entities") for note in found.notes)


def test_the_note_on_retention_names_the_teacher_that_students_have():
    records = [each for each in several_teachers() if each.system in {"small", "large", "student of large"}]
    found = table("results", records)
    assert "Retention: mean micro-F1 as a share of the mean of large." in found.notes


def test_other_splits_are_shown_when_a_record_has_them():
    found = table(
        "results",
        [
            record("a", "student", 1, extra_splits={"held out": NerScores({"PER": Counts(3, 4, 5)})}),
            record("b", "student", 1),
        ],
    )
    assert rows(found)["a"]["micro_f1_held out"].text == "0.667 (1)"
    assert rows(found)["b"]["micro_f1_held out"].text == MISSING
    assert "Micro-F1, held out" in {column.heading for column in found.for_readers()[0]}
    assert "nothing chosen on it: held out" in found.caption


def test_sample_notice_comes_first():
    sample = [dataclasses.replace(r, sample=True) for r in example_records()]
    assert table("results", sample).notes[0] == SAMPLE_NOTICE
    assert table("types", sample).notes[0] == SAMPLE_NOTICE


def test_speeds_of_a_busy_machine_are_marked():
    busy = Resources(latency_ms={"p50": 2.0}, machine_busy=True)
    found = table("results", [record("a", "student", 1, resources=busy)])
    assert rows(found)["a"]["latency_p50_ms"].text == "2.00†"
    assert "† measured while other work ran" in found.caption


def test_types_by_support_with_precision_and_recall():
    found = table("types", example_records())
    shown = [row[found.for_readers()[0].index(found.columns[3])].text for row in found.for_readers()[1]]
    assert shown == ["ORG", "", "", "", "", "PER", "", "", "", ""]
    dictionary = rows(found)["dictionary"]  # the last row of a name is its rarest type, PER
    assert (dictionary["precision"].text, dictionary["recall"].text) == ("1.000", "0.800")
    assert dictionary["f1"].value == pytest.approx(32 / 36)
    assert dictionary["support"].value == 20


def in_parts(*found, system="s"):
    """A student that was scored on as many parts; ``found`` are gold entities of ORG and PER in each."""
    config = {"cross_validation": len(found)}
    return [
        record(system, "student", seed, org=(1, org, org), per=(1, per, per), config=config)
        for seed, (org, per) in enumerate(found, 1)
    ]


def test_the_support_in_cross_validation_is_that_of_all_parts():
    found = table("types", [*in_parts((10, 3), (20, 40), (4, 1)), *in_parts((10, 3), (20, 40), (4, 1), system="t")])
    assert [(row["type"].value, row["support"].value) for row in keyed(found)[::2]] == [("PER", 44), ("ORG", 34)]


def test_a_caption_says_that_seeds_which_find_nothing_have_no_precision():
    found = table("types", [record("a", "student", 1, per=(1, 1, 20)), record("a", "student", 2, per=(0, 0, 20))])
    _, per = keyed(found)
    assert (per["precision"].value, per["recall"].value) == (1, pytest.approx(0.025))
    assert (
        "nothing was found (precision), or both (F1). Means are those of the seeds that have a value" in found.caption
    )


def test_power_counts_the_comparisons_that_are_made():
    found = table("power", example_records())
    assert "as the first of 2 comparisons (Holm)" in found.caption  # the teacher is compared, too
    assert "p adjusted for 2 comparisons (Holm)" in table("significance", example_records()).caption
    students = compose(example_records()).chapters[0].section.of_role("student")[::-1]
    usual = compare(*(system.records for system in students)).noise
    last = keyed(found)[-1]
    assert last["all"].text == f"{100 * usual.detectable(last['seeds'].value, 2):.1f}"


def test_lineage_survives_seeds_with_fewer_stages():
    long = record("a", "student", 1, stages=("adapt", "finetune"), strategy="s")
    short = record("a", "student", 2, stages=("adapt",), strategy="s")
    found = table("lineage", [long, short])
    seconds = [c.key for c in found.columns].index("seconds")
    assert [row[seconds].value for row in found.rows] == [61.5, 61.0]


def test_the_disk_of_stages_is_shown_when_a_record_has_it():
    run = record("a", "student", 1, stages=("adapt",))
    assert "Disk (MB)" not in {column.heading for column in table("lineage", [run]).columns}
    stages = tuple(dataclasses.replace(stage, bytes=2_500_000) for stage in run.lineage)
    (row,) = keyed(table("lineage", [dataclasses.replace(run, lineage=stages)]))
    assert row["bytes"].text == "2.5"


def test_vocabulary_shows_whatever_numbers_there_are():
    figures = {"name": "own", "size": 100, "odd_figure": 0.25, "fine": True, "list": [1], "overlap": 0.5}
    (row,) = keyed(table("vocabulary", [record("a", "student", 1, vocabulary=figures)]))
    assert row["overlap"].text == "50.0"
    assert row["odd_figure"].text == "0.25"
    assert row["size"].text == "100"
    assert "fine" not in row
    assert "list" not in row


def test_systems_with_one_vocabulary_share_a_row():
    def of(system, seed, size):
        return record(system, "student", seed, vocabulary={"name": "own", "size": size})

    found = keyed(
        table("vocabulary", [of(s, seed, size) for s, size in (("a", 9), ("b", 9), ("c", 8)) for seed in (1, 2)])
    )
    assert [row["systems"].text for row in found] == ["a; b", "c"]
    assert len(found[0]["size"].records) == 4


def test_empty_tables_are_left_out():
    (chapter,) = compose([record("a", "baseline", 1)]).chapters
    assert set(chapter.tables) == {"results", "types"}


@pytest.mark.parametrize(
    ("text", "expected"), [(" a\n\tb ", "a b"), ("a\0b", "a\ufffdb"), ("\ud800", "\ufffd"), ("ä – 日本", "ä – 日本")]
)
def test_plain(text, expected):
    assert plain(text) == expected


def test_the_ablation_by_hand():
    def run(system, seed, correct):
        return record(system, "student", seed, org=(correct, 80, 80), stages=("truncate-layers", "finetune"))

    # micro-F1: best .80 .82 .84, other .79 .79 .79; differences 1, 3, 5 points: mean 3
    runs = [run("best", seed, 68 + 2 * seed) for seed in (1, 2, 3)] + [run("other", seed, 69) for seed in (1, 2, 3)]
    found = rows(table("ablation", runs))
    assert found["other"]["behind"].text == "3.0"
    assert found["other"]["interval"].text == rows(table("significance", runs))["other"]["interval"].text
    assert (found["best"]["behind"].text, found["best"]["interval"].text) == (MISSING, MISSING)
    assert (found["best"]["mean_rank"].text, found["other"]["mean_rank"].text) == ("1.0", "2.0")
    assert found["other"]["seconds"].value == pytest.approx(2 * 62)
    assert found["other"]["tokens"].value == 200_000


def test_a_configuration_names_the_student_that_others_are_compared_with():
    runs = [
        record(name, "student", seed, org=(correct, 80, 80), config={"reference": "whole"})
        for name, correct in (("whole", 60), ("cut", 56), ("wide", 64))
        for seed in (1, 2)
    ]
    for name in ("ablation", "significance"):
        found = table(name, runs)
        behind = {system: cells["behind"].text for system, cells in rows(found).items()}
        assert behind == {"cut": "4.0", "wide": "-4.0"} | ({"whole": MISSING} if name == "ablation" else {})
        assert any(note.startswith("Behind: points of micro-F1 that whole is ahead over ") for note in found.notes)
    results = table("results", runs)
    assert rows(results)["wide"]["micro_f1"].strong
    assert not any("was chosen on the same text" in note for note in results.notes)
    assert any("significantly behind whole" in note for note in results.notes)
    unnamed = [dataclasses.replace(each, config={}) if each.system == "cut" else each for each in runs]
    assert rows(table("ablation", unnamed))["cut"]["behind"].text == "4.0"  # that record is of an earlier run
    without = [each for each in runs if each.system != "whole"]  # a run of some systems
    assert {system: cells["behind"].text for system, cells in rows(table("ablation", without)).items()} == {
        "cut": "8.0",
        "wide": MISSING,
    }


def test_an_ablation_of_one_seed_compares_models():
    runs = [record("a", "student", 1), record("b", "student", 1, org=(50, 80, 80))]
    found = table("ablation", runs)
    row = rows(found)["b"]
    assert (row["behind"].text, row["interval"].text) == ("10.0", "10.0 to 10.0")
    assert any("models are compared, not recipes" in note for note in found.notes)


NOTHING = [
    record(name, role, seed, org=(8, 9, 10), per=(0, 0, 0))
    for name, role in (("t", "teacher"), ("s", "student"))
    for seed in (1, 2)
]
"""Systems that read a text without persons, and found none."""


def test_a_score_of_nothing_is_a_dash_and_empty_in_data_files():
    found = table("types", NOTHING)
    person = [row for row in keyed(found) if row["type"].value == "PER"]
    for row in person:
        for figure in ("precision", "recall", "f1", "f1_sd"):
            assert (row[figure].value, row[figure].text) == (None, MISSING)
        assert not row["f1"].strong
        assert row["support"].value == 0
    assert any(note.startswith("A dash: there is nothing to find (recall), nothing was found") for note in found.notes)
    assert not any(note.startswith("A dash") for note in table("types", [record("s", "student", 1)]).notes)
    for kind, empty in (
        ("md", " PER | 0 | t | – | – | – |"),
        ("csv", ",PER,0,t,,,,,2,"),
        ("tex", r"PER & 0 & t & \textendash{} & \textendash{} & \textendash{}"),
    ):
        assert empty in "".join(formats.get(kind)(compose(NOTHING, ["types"])).values())


def test_what_was_found_where_nothing_is_counts_as_wrong():
    (row,) = [
        row for row in keyed(table("types", [record("s", "student", 1, per=(0, 2, 0))])) if row["support"].value == 0
    ]
    assert (row["precision"].text, row["recall"].text, row["f1"].text) == ("0.000", MISSING, "0.000 (1)")


def test_systems_that_find_nothing_in_a_text_without_entities_have_no_score():
    nothing = [
        record(n, r, 1, org=(0, 0, 0), per=(0, 0, 0))
        for n, r in (("f", "baseline"), ("t", "teacher"), ("s", "student"))
    ]
    for name in ("results", "ablation"):
        for row in keyed(table(name, nothing)):
            assert (row["micro_f1"].value, row["micro_f1"].text) == (None, MISSING)
            assert not row["micro_f1"].strong
    found = rows(table("results", nothing))["s"]
    assert (found["macro_f1"].text, found["retention"].text) == (MISSING, MISSING)
    page = formats.get("html")(compose(nothing))["report.html"]
    assert "nan" not in page
    assert "there is no entity, and none was found" in page


def test_the_gain_of_a_teacher_by_hand():
    found = keyed(table("teachers", several_teachers()))
    assert [row["student"].text for row in found] == ["student of small", "student of large"]  # "other" has no twin
    first, second = found
    # 50 + 10 of 100 entities: .60; 56 + 10 and 57 + 10 of them: .665
    assert (first["micro_f1"].text, second["micro_f1"].text) == ("0.600 ± 0.000 (2)", "0.665 ± 0.007 (2)")
    assert (first["gain"].text, second["gain"].text) == (MISSING, "6.5")
    assert second["low"].value <= 6.5 <= second["high"].value
    assert second["interval"].text == f"{second['low'].value:.1f} to {second['high'].value:.1f}"
    # 75 + 10: .85
    assert second["retention"].value == pytest.approx(0.665 / 0.85)
    assert [row["teacher"].text for row in found] == ["small", "large"]


def test_errors_of_two_seeds_in_opposite_directions_cancel_within_a_bin(monkeypatch):
    monkeypatch.setattr("finkd.scores.CALIBRATION_BINS", 1)
    groups = {1: ScoreGroup(0.8, 10, 10), 2: ScoreGroup(0.6, 10, 2)}
    scores = {seed: NerScores({"PER": Counts(5, 10, 10)}, by_score=(group,)) for seed, group in groups.items()}
    records = [dataclasses.replace(record("a", "student", seed), scores=each) for seed, each in scores.items()]
    found = table("calibration", records)
    row = rows(found)["a"]
    assert row["calibration_error"].value == pytest.approx((0.2 + 0.4) / 2)
    assert row["calibration_error_together"].value == pytest.approx(abs((8 + 6) - (10 + 2)) / 20)
    assert "of all seeds, which are more, but of the same text." in found.caption
    again = [*records, dataclasses.replace(records[0], seed=3)]  # a seed that predicts what another one does
    assert rows(table("calibration", again))["a"]["calibration_error_together"].value == pytest.approx(2 / 20)
    in_folds = [dataclasses.replace(each, config={"cross_validation": 2}) for each in records]
    assert "of all seeds, which are more. Surest half" in table("calibration", in_folds).caption


def test_the_worth_of_an_order_by_hand():
    found = {row["question"].value: row for row in keyed(table("order", several_orders()))}
    gains = {"gold before text": -(6 + 4) / 2, "general or not": (1 + 3) / 2, "gold or not": (10 + 4) / 2}
    assert {question: row["gain"].value for question, row in found.items()} == pytest.approx(gains)
    assert {row["pairs"].value for row in found.values()} == {2}
    assert len(found["gold before text"]["gain"].records) == 8


def test_the_worth_of_a_teacher_of_a_stage_by_hand():
    def by_another(*stages, gain):
        return [
            dataclasses.replace(
                each,
                system=f"{each.system}, another",
                config={"systems": {f"{each.system}, another": {"teacher": "large"}}},
                lineage=tuple(
                    dataclasses.replace(stage, config={"teacher": "small"}) if "text" in stage.kind else stage
                    for stage in each.lineage
                ),
            )
            for each in ordered(*stages, gain=gain)
        ]

    text = "task-distill:text"
    records = [
        *ordered(text, "gold", gain=4),
        *by_another(text, "gold", gain=6),
        *ordered("gold", text, gain=1),
        *by_another("gold", text, gain=9),
    ]
    found = {row["question"].value: row for row in keyed(table("order", records))}
    assert found[f"{text} by small"]["gain"].value == pytest.approx((2 + 8) / 2)
    assert found[f"{text} by small"]["pairs"].value == 2


def test_students_of_other_teachers_tell_nothing_of_an_order():
    records = [*ordered("text", "gold"), *ordered("gold", "text"), *ordered("general", "text", "gold")]
    other = [
        dataclasses.replace(each, config={"systems": {each.system: {"teacher": "small"}}})
        for each in ordered("general", "gold", "text")
    ]
    with pytest.raises(KeyError):
        table("order", records + other)


def test_ranks_by_hand():
    def on(corpus, *found):
        return [
            record(name, "student", 1, (correct, 80, 80), corpus=corpus)
            for name, correct in zip("abc", found, strict=True)
        ]

    records = [*on("one", 60, 50, 40), *on("two", 60, 40, 50), record("d", "student", 1, corpus="one")]
    (ranks,) = compose(records, ["ranks"]).overviews.values()
    assert [[cell.value for cell in row] for row in ranks.rows] == [["a", 1, 1, 1], ["b", 2, 3, 2.5], ["c", 3, 2, 2.5]]
    assert "mean of all pairs: 0.50" in ranks.caption
    assert not compose(on("one", 1, 2, 3), ["ranks"]).overviews
    equal = compose([*on("one", 60, 60, 60), *on("two", 60, 50, 40)], ["ranks"]).overviews["ranks"]
    assert "mean of all pairs: –" in equal.caption
