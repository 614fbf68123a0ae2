"""Bootstraps, corrections and agreement, against scipy and by hand."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from finkd.reports.bootstrap import Noise, compare, holm
from finkd.reports.captions import trainings
from finkd.reports.compared_systems import compared_systems
from finkd.reports.pages.summary import summary
from finkd.reports.report import compose
from finkd.reports.sections import sections
from finkd.scores import Counts, NerScores
from tests.reports.examples import record


def scored(system, seed, documents):
    """A student whose counts of each document are (correct, predicted, gold)."""
    counts = {f"d{number}": Counts(*each) for number, each in enumerate(documents)}
    total = Counts(*(sum(each[place] for each in documents) for place in range(3)))
    scores = NerScores({"ORG": total}, per_document=counts)
    return dataclasses.replace(record(system, "student", seed), scores=scores)


def documents(seed, hits, count=60):
    gold = np.random.default_rng(0).integers(1, 9, count)
    draw = np.random.default_rng(seed)
    return [(int(draw.binomial(g, hits)), int(g), int(g)) for g in gold]


def test_one_seed_is_scipys_paired_bootstrap():
    ours, theirs = (
        documents(1, 0.8),
        [(max(0, c - (n % 3 == 0)), p, g) for n, (c, p, g) in enumerate(documents(1, 0.8))],
    )
    found = compare([scored("a", 1, ours)], [scored("b", 1, theirs)])

    def difference(a, pa, b, pb, g, axis=-1):
        one, two = (2 * x.sum(axis) / (y.sum(axis) + g.sum(axis)) for x, y in ((a, pa), (b, pb)))
        return one - two

    columns = [np.array(column) for column in (*zip(*ours, strict=True), *zip(*theirs, strict=True))]
    a, pa, g, b, pb, _ = columns
    expected = stats.bootstrap(
        (a, pa, b, pb, g), difference, n_resamples=9999, paired=True, method="percentile", vectorized=True, rng=1
    ).confidence_interval
    assert found.difference == pytest.approx(difference(*(x[None] for x in (a, pa, b, pb, g)))[0])
    assert (found.low, found.high) == pytest.approx(tuple(np.ravel(expected)), abs=0.004)
    assert (found.documents, found.seeds, found.effect) == (60, 1, None)
    assert found.p < 0.05


def test_equal_systems_do_not_differ():
    ours = [scored("a", 1, documents(1, 0.7))]
    found = compare(ours, ours)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_the_other_way_round_is_the_opposite():
    ours, theirs = [scored("a", 1, documents(1, 0.9))], [scored("b", 1, documents(1, 0.6))]
    one, other = compare(ours, theirs), compare(theirs, ours)
    assert one.difference == -other.difference
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == other.p


def test_seeds_widen_the_interval():
    same = [scored("a", seed, documents(1, 0.8)) for seed in (1, 2, 3)]
    steady = [scored("b", seed, documents(1, 0.7)) for seed in (1, 2, 3)]
    unsteady = [scored("b", seed, documents(1, hits)) for seed, hits in ((1, 0.5), (2, 0.7), (3, 0.9))]
    assert _width(compare(same, unsteady)) > 1.5 * _width(compare(same, steady))
    differences = [a.scores.micro.f1 - b.scores.micro.f1 for a, b in zip(same, unsteady, strict=True)]
    t = stats.ttest_1samp(differences, 0).statistic
    assert compare(same, unsteady).effect == pytest.approx(t / 3**0.5)


def test_many_documents_need_no_more_memory():
    """A corpus without documents has one for each sentence; most of these count alike."""
    few = [[scored(name, 1, documents(seed, 0.7, 20_000))] for name, seed in (("a", 1), ("b", 2))]
    tracemalloc.start()
    assert compare(*few).documents == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6


def test_blocks_of_draws_are_those_drawn_at_once(monkeypatch):
    ours, theirs = ([scored(name, 1, documents(seed, 0.7))] for name, seed in (("a", 1), ("b", 2)))
    whole = compare(ours, theirs)
    monkeypatch.setattr("finkd.reports.bootstrap.AT_ONCE", 50_000)
    assert compare(ours, theirs) == whole


def test_rivals_are_compared_once():
    (section,) = sections([scored(name, 1, documents(1, hits)) for name, hits in (("a", 0.5), ("b", 0.7))])
    assert compared_systems(section) is compared_systems(section)


def _width(comparison):
    return comparison.high - comparison.low


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([], []),
        ([(1, documents(1, 0.5))], [(2, documents(1, 0.5))]),
        ([(1, documents(1, 0.5))], [(1, documents(1, 0.5, count=59))]),
        ([(1, documents(1, 0.5, count=1))], [(1, documents(1, 0.5, count=1))]),
    ],
)
def test_what_cannot_be_paired_is_not_compared(ours, theirs):
    assert compare([scored("a", *each) for each in ours], [scored("b", *each) for each in theirs]) is None


def test_what_seeds_can_show_by_hand():
    # Both parts are .01: 4 times as many degrees of freedom as the 3 of four seeds. Student's t at .975 is 2.179 then.
    assert Noise(0.01, 0.02, 0).detectable(4) == pytest.approx((2.179 + 0.842) * 0.01 * 2**0.5, rel=1e-3)
    # Seeds alone: Student's t with one degree of freedom.
    assert Noise(0, 0.02, 0).detectable(2) == pytest.approx((12.706 + 0.842) * 0.02 / 2**0.5, rel=1e-3)
    # Normal quantiles of 1 - .05 / 20 and .8.
    assert Noise(0.01, 0, 0).detectable(1, 10) == pytest.approx(0.01 * (2.807 + 0.842), rel=1e-3)
    # What a seed changes in single documents falls with more seeds, and is known from drawing documents.
    assert Noise(0.03, 0, 0.08).detectable(4) == pytest.approx(0.05 * (1.960 + 0.842), rel=1e-3)
    # One seed: what is tested knows nothing of the trainings, what is found has them.
    assert Noise(0.03, 0.04, 0).detectable(1) == pytest.approx(1.960 * 0.03 + 0.842 * 0.05, rel=1e-3)


def test_noise_is_that_of_its_parts():
    # 2 right of 10 in one seed and 3 in another; of the other system none: F1 differs by .2 and .3.
    def of(name, *right):
        return [scored(name, seed, [(c, 5, 5) for c in each]) for seed, each in enumerate(right, 1)]

    found = compare(of("a", (1, 1), (1, 2)), of("b", (0, 0), (0, 0))).noise
    # Seeds differ by 0 in one document and .2 in the other, so by 0, .1 or .2 in a draw. Each is half of it off their
    # mean, which is a variance of .00125, times 2 / (2 - 1). All documents together differ by .1: a variance of .005.
    assert found.both == pytest.approx(0.0025**0.5, rel=0.02)
    assert found.trainings == pytest.approx((0.005 - 0.0025) ** 0.5, rel=0.02)
    assert found.seeds == pytest.approx(0.1 / 2**0.5)
    # Both documents are drawn twice, or one each: the mean over seeds is .2, .3 or .25 in the shares 1/4, 1/4, 1/2, a
    # variance of .00125. The seeds explain as much: .0025 / 2.
    assert found.documents == pytest.approx(0, abs=0.01)
    assert compare(of("a", (1, 1)), of("b", (0, 0))).noise.trainings == 0


def test_without_noise_of_documents_the_interval_is_students_t():
    """Two seeds that agree leave doubt: drawing them would not."""
    ahead = [3, 1]
    ours = [scored("a", seed, [(50 + more, 100, 100)] * 40) for seed, more in enumerate(ahead)]
    theirs = [scored("b", seed, [(50, 100, 100)] * 40) for seed in range(2)]
    found = compare(ours, theirs)
    expected = stats.ttest_1samp(ahead, 0)
    assert found.difference == pytest.approx(0.02)
    interval = [each / 100 for each in expected.confidence_interval()]
    assert (found.low, found.high) == pytest.approx(interval, rel=0.01)
    assert found.p == pytest.approx(expected.pvalue, abs=0.001)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("folds", [False, True])
def test_equal_systems_are_rarely_called_different(seeds, folds, monkeypatch):
    """Trainings that differ by chance, by more than documents do: at most a tenth of studies finds a difference."""
    monkeypatch.setattr("finkd.reports.bootstrap.DRAWS", 1000)
    chance = np.random.default_rng(seeds)

    def runs(name):
        found = []
        for seed in range(seeds):
            hits = 0.7 + chance.normal(0, 0.04)
            record = scored(name, seed, documents(int(chance.integers(2**31)), hits, 20))
            if folds:
                counts = {f"{seed} {key}": value for key, value in record.scores.per_document.items()}
                scores = dataclasses.replace(record.scores, per_document=counts)
                record = dataclasses.replace(record, scores=scores, config={**record.config, "cross_validation": seeds})
            found.append(record)
        return found

    assert sum(compare(runs("a"), runs("b")).p < 0.05 for _ in range(60)) <= 6


def test_a_difference_that_can_be_seen_is_seen_in_most_studies():
    """Studies of systems whose true difference is what three seeds can show."""
    chance = np.random.default_rng(5)

    def study(gain):
        gold = chance.integers(1, 9, 40)
        hits = chance.beta(8, 2, 40)  # a document is hard for both

        def runs(name, more):
            return [
                scored(name, seed, [(int(chance.binomial(g, min(1, h + more))), int(g), int(g)) for g, h in rows])
                for seed in (1, 2, 3)
            ]

        rows = list(zip(gold, hits, strict=True))
        return runs("a", gain), runs("b", 0)

    gain = np.median([compare(*study(0)).noise.detectable(3) for _ in range(20)])
    found = [compare(*study(gain)) for _ in range(60)]
    seen = np.mean([each.p < 0.05 and each.difference > 0 for each in found])
    assert 0.5 < seen < 0.98  # some gain is lost where a document is found whole already


def test_seeds_of_folds_are_compared_over_all_their_documents():
    def of(name, *found):
        records = [scored(name, seed, each) for seed, each in enumerate(found, 1)]
        records = [dataclasses.replace(each, config={**each.config, "cross_validation": 2}) for each in records]
        for seed, each in enumerate(records, 1):
            counts = {f"{seed} {document}": count for document, count in each.scores.per_document.items()}
            records[seed - 1] = dataclasses.replace(each, scores=dataclasses.replace(each.scores, per_document=counts))
        return records

    parts = [documents(seed, 0.8, 30) for seed in (1, 2)]
    worse = [[(max(0, c - (n % 3 == 0)), p, g) for n, (c, p, g) in enumerate(part)] for part in parts]
    apart = compare(of("a", *parts), of("b", *worse))
    assert apart.noise.trainings == 0  # folds differ by no more than their documents explain
    at_once = compare([scored("a", 1, [*parts[0], *parts[1]])], [scored("b", 1, [*worse[0], *worse[1]])])
    assert apart.difference == pytest.approx(at_once.difference)
    assert (apart.low, apart.high) == pytest.approx((at_once.low, at_once.high), abs=0.002)
    assert (apart.documents, apart.seeds) == (60, 2)
    assert apart.noise.both / 2**0.5 == pytest.approx((apart.high - apart.low) / 3.92, rel=0.1)


def test_holm_by_hand():
    # Sorted: .01 x 4, .02 x 3, .03 x 2, .04 x 1, each at least as large as the one before.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferronis(chances):
    adjusted = holm(chances)
    for p, found in zip(chances, adjusted, strict=True):
        assert p <= found <= 1
    assert min(adjusted) == pytest.approx(min(1.0, len(chances) * min(chances)))
    order = np.argsort(chances, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_tables_mark_what_is_significantly_behind():
    records = []
    for seed in (1, 2, 3):
        records += [scored("best", seed, documents(seed, 0.9)), scored("worse", seed, documents(seed, 0.5))]
        records += [
            scored("alike", seed, [(max(0, c - (n == 7)), p, g) for n, (c, p, g) in enumerate(documents(seed, 0.9))])
        ]
    (chapter,) = compose(records, ["results", "significance"]).chapters
    results = {row[3].text: row for row in chapter.tables["results"].rows}
    keys = [column.key for column in chapter.tables["results"].columns]
    f1 = keys.index("micro_f1")
    assert results["worse"][f1].text.endswith("(3)*")
    assert not results["alike"][f1].text.endswith("*")
    assert results["best"][f1].strong
    rows = {row[3].text: row for row in chapter.tables["significance"].rows}
    assert set(rows) == {"worse", "alike"}
    assert "adjusted for 2 comparisons (Holm)" in chapter.tables["results"].caption


ONE_TRAINING = "one training each: models are compared, not recipes; what another seed would give is not in it"


@pytest.mark.parametrize(("seeds", "said"), [((1,), True), ((1, 2), False)])
def test_notes_on_one_training_each_do_not_speak_of_recipes_or_seeds(seeds, said):
    hits = {"best": 0.9, "worse": 0.5, "worst": 0.4}
    records = [scored(name, seed, documents(seed, each)) for seed in seeds for name, each in hits.items()]
    records += [dataclasses.replace(each, corpus="other") for each in records]
    report = compose(records, ["results", "significance", "corpora"])
    tables = [*report.chapters[0].tables.values(), report.overviews["corpora"]]
    notes = {table.name: table.caption for table in tables} | {"summary": summary(report.chapters[0].section)}
    assert {name for name, note in notes.items() if ONE_TRAINING in note} == (set(notes) if said else set())
    assert all(("Student's t" in notes[name]) is not said for name in ("results", "significance"))


def test_some_comparisons_of_one_training_each_are_told_apart():
    assert trainings([3, 2]) == trainings([]) == ""
    assert trainings([1, 3]) == f" ({ONE_TRAINING.replace('one training', 'some of one training')})"
