"""The tables of an analysis: figures with intervals, kinds of words and numbers, entities, words of most tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from finkd.corpora.wording import counted
from finkd.reports.captions import SAMPLE_NOTICE
from finkd.reports.table import MISSING, Cell, Column, Field, Table, label, number, plain, share

if TYPE_CHECKING:
    from finkd.tokenization.analysis import Analysis, Estimate
    from finkd.tokenization.analysis.result import (
        EntityTokens,
        Measured,
        Profile,
        TokenCounts,
        TokenizerShift,
        Vocabulary,
    )

MOST = 4
"""Tokenizers side by side; the sweep's table and the JSON file hold all of them."""
SAMPLES = ("sample", "sample-text")
RENYI_NOTE = (
    "Rényi efficiency of order 2.5 (Zouhar et al. 2023) can be raised by changes that make models worse (Cognetta et "
    "al. 2024): no choice should rest on it."
)


def shown(analysis: Analysis) -> tuple[int, ...]:
    """Choose the tokenizers shown side by side: indices of the reference and at most three others, in their order.

    Where there are more, those that were given go first, then those at the knees of the curves, then the largest of
    each algorithm, then the others.
    """
    names = [vocabulary.name for vocabulary in analysis.vocabularies]
    preferred = dict.fromkeys(
        [
            0,
            *(index for index, v in enumerate(analysis.vocabularies) if v.origin == "given"),
            *(names.index(each.tokenizers[each.sizes.index(each.knee)]) for each in analysis.curves if each.knee),
            *(names.index(curve.tokenizers[-1]) for curve in analysis.curves),
            *range(len(names)),
        ]
    )
    return tuple(sorted(list(preferred)[:MOST]))


@dataclass(frozen=True)
class Side:
    """One of the tokenizers that are compared on a corpus.

    Attributes:
        index: its place in the analysis.
        vocabulary: its vocabulary.
        profile: its figures on the corpus.
        shift: these against the reference's; ``None`` for the reference.
    """

    index: int
    vocabulary: Vocabulary
    profile: Profile
    shift: TokenizerShift | None

    @property
    def entities(self) -> EntityTokens | None:
        """Its figures on labelled entities, where there are any."""
        return self.profile.entities


def sides(analysis: Analysis, corpus: str) -> list[Side]:
    """Return all tokenizers on a corpus, in the order of the analysis."""
    shifts = {shift.tokenizer: shift for shift in analysis.tokenizer_shifts if shift.corpus == corpus}
    pairs = zip(analysis.vocabularies, analysis.of_corpus(corpus), strict=True)
    return [Side(index, each, profile, shifts.get(each.name)) for index, (each, profile) in enumerate(pairs)]


def shown_sides(analysis: Analysis, corpus: Measured) -> list[Side]:
    """Return the tokenizers shown side by side, on a corpus."""
    every = sides(analysis, corpus.name)
    return [every[index] for index in shown(analysis)]


def tables(analysis: Analysis) -> list[Table]:
    """Return all tables, corpus by corpus, then what compares corpora and sizes."""
    found = [make(analysis, corpus) for corpus in analysis.corpora for make in OF_CORPUS]
    found += [fragments(analysis, corpus, index) for corpus in analysis.corpora for index in shown(analysis)[:3]]
    return [table for table in (*found, domains(analysis), sweep(analysis)) if table.rows]


def overview(analysis: Analysis, corpus: Measured) -> Table:
    """Make one row per figure that any tokenizer has, one column per tokenizer."""
    columns: list[Field[Any]] = [
        (Column("figure", "Figure", "left"), lambda row: label(row[0])),
        *_columns(shown_sides(analysis, corpus), lambda side, row: row[1](side)),
    ]
    notes = [*corpus_notes(corpus), RENYI_NOTE]
    table = Table.of("figures", f"Tokenizers on {corpus.name}", None, notes, columns, _figures(analysis.limit))
    return replace(table, rows=tuple(row for row in table.rows if any(cell.value is not None for cell in row[1:])))


def corpus_notes(corpus: Measured) -> tuple[str, ...]:
    """Return what was measured, how sure the figures are, and what had to be left out."""
    found = [
        *([SAMPLE_NOTICE] if corpus.name in SAMPLES else []),
        plain(
            f"Corpus {corpus.name}, {corpus.part}: {counted(corpus.texts, 'text')}, {counted(corpus.words, 'word')}, "
            f"{counted(corpus.characters, 'character')}."
        ),
        "In brackets: 95 % bootstrap intervals over "
        f"{corpus.blocks} groups of documents (of texts, where no document is named)."
        if corpus.blocks > 1
        else "Without intervals: all texts belong to one group of documents.",
    ]
    if corpus.cut:
        found.append(f"Measured in parts, each as a text of its own: {counted(corpus.cut, 'very long text')}.")
    return tuple(found)


def words(analysis: Analysis, corpus: Measured) -> Table:
    """Tabulate tokens per word by case, digits and signs."""
    return _kinds(analysis, corpus, "words", "Words by their form: tokens for each", lambda profile: profile.shapes)


def numbers(analysis: Analysis, corpus: Measured) -> Table:
    """Tabulate tokens per number by kind."""
    return _kinds(analysis, corpus, "numbers", "Numbers: tokens for each", lambda profile: profile.numbers)


def _kinds(
    analysis: Analysis, corpus: Measured, name: str, title: str, of: Callable[[Profile], Sequence[TokenCounts]]
) -> Table:
    """Make one row per kind, one column per tokenizer with the tokens for each stretch of it."""
    found = shown_sides(analysis, corpus)
    columns: list[Field[Any]] = [
        (Column("kind", "Kind", "left"), lambda kind: label(kind[1].name)),
        (Column("count", "Count"), lambda kind: number(kind[1].count)),
        *_columns(found, lambda side, kind: interval(of(side.profile)[kind[0]].tokens, 2)),
    ]
    kinds = enumerate(of(found[0].profile))
    return Table.of(name, f"{title}, {corpus.name}", None, ["In brackets: 95 % intervals."], columns, kinds)


def cuts(analysis: Analysis, corpus: Measured) -> Table:
    """Some numbers with their tokens."""
    columns: list[Field[Any]] = [
        (Column("kind", "Kind", "left"), lambda example: label(example.kind)),
        (Column("text", "Number", "left"), lambda example: label(example.text)),
        *_tokens(shown_sides(analysis, corpus)),
    ]
    examples = [example for example in analysis.numbers if example.corpus == corpus.name]
    notes = ["The first of each kind that differ in form."]
    return Table.of("number-cuts", f"How numbers are split, {corpus.name}", None, notes, columns, examples)


def entities(analysis: Analysis, corpus: Measured) -> Table:
    """Tabulate entities by type: tokens for each word, and whole entities."""
    profiles = [side.profile for side in shown_sides(analysis, corpus)]
    columns: list[Field[Any]] = [
        (Column("type", "Type", "left"), lambda group: label(group[0].name)),
        (Column("entities", "Entities"), lambda group: number(group[0].count)),
        (Column("words", "Words"), lambda group: number(group[0].words)),
    ]
    for place, profile in enumerate(profiles):
        fertility, whole = Column(f"fertility-{place}", f"{profile.tokenizer}: tokens per word"), f"whole-{place}"
        columns.append((fertility, partial(lambda place, group: interval(group[place].fertility, 2), place)))
        columns.append((Column(whole, "whole (%)"), partial(lambda place, group: _whole(group[place]), place)))
    groups = zip(*((*profile.types, profile.entities) for profile in profiles), strict=True)
    notes = ["Whole: share of the entities in which every word is one known token."]
    rows = [group for group in groups if group[0] is not None]
    return Table.of("entities", f"Entities of {corpus.name}", None, notes, columns, rows)


OF_CORPUS = (overview, words, numbers, cuts, entities)


def fragments(analysis: Analysis, corpus: Measured, index: int) -> Table:
    """Tabulate the words with most extra tokens of one tokenizer, with their tokens under those shown."""
    name = analysis.vocabularies[index].name
    columns: list[Field[Any]] = [
        (Column("word", "Word", "left"), lambda word: label(word.word)),
        (Column("count", "Count"), lambda word: number(word.count)),
        (Column("extra", "Extra tokens"), lambda word: number(word.extra[index])),
        *_tokens(shown_sides(analysis, corpus)),
    ]
    notes = ["Words of letters alone that occur more than once, by the tokens beyond the first that they cost in all."]
    if corpus.missed:
        notes.append(f"Counts may be up to {corpus.missed:,} too low: the list of distinct words is bounded.")
    listed = next(f for f in analysis.fragments if f.corpus == corpus.name and f.tokenizer == name)
    return Table.of("fragments", f"Words that {name} splits most, {corpus.name}", None, notes, columns, listed.words)


def domains(analysis: Analysis) -> Table:
    """Return every further corpus against the first, under each tokenizer shown."""
    names = {analysis.vocabularies[index].name for index in shown(analysis)}
    columns: list[Field[Any]] = [
        (Column("corpus", "Corpus", "left"), lambda shift: label(shift.corpus)),
        (Column("tokenizer", "Tokenizer", "left"), lambda shift: label(shift.tokenizer)),
        (Column("fertility", "Tokens per word, ratio"), lambda shift: interval(shift.fertility_ratio, 3)),
        (Column("overlap", "Entries used in both (%)"), lambda shift: share(shift.overlap)),
        (Column("weighted", "Tokens known there (%)"), lambda shift: interval(shift.weighted_overlap, 1, 0.01)),
        (Column("divergence", "Divergence (bits)"), lambda shift: interval(shift.divergence, 3)),
    ]
    first = analysis.corpora[0].name
    notes = [f"Each corpus against {first}, under the same tokenizer: 1, 100, 100 and 0 would be no shift."]
    shifts = [shift for shift in analysis.domain_shifts if shift.tokenizer in names]
    return Table.of("domains", f"Domain shift from {first}", None, notes, columns, shifts)


def sweep(analysis: Analysis) -> Table:
    """Return every vocabulary that was trained here, by algorithm and size; the knee of each algorithm stands out."""
    corpus = analysis.corpora[0].name
    named = {side.vocabulary.name: side for side in sides(analysis, corpus)}
    curves = [curve for curve in analysis.curves if curve.corpus == corpus]
    knees = {(curve.algorithm, curve.knee) for curve in curves}

    def sized(row: tuple[str, Side]) -> Cell:
        size = row[1].vocabulary.size
        return Cell(size, f"{size:,}", strong=(row[0], size) in knees)

    columns: list[Field[Any]] = [
        (Column("algorithm", "Algorithm", "left"), lambda row: label(row[0], strong=sized(row).strong)),
        (Column("size", "Entries"), sized),
        (Column("fertility", "Tokens per word"), lambda row: interval(row[1].profile.fertility, 3)),
        (Column("length", "Length against the reference"), lambda row: interval(row[1].shift.length_ratio, 3)),
        (
            Column("whole", "Whole entities (%)"),
            lambda row: interval(row[1].entities and row[1].entities.whole_entities, 1, 0.01),
        ),
        (Column("dead", "Dead entries"), lambda row: number(row[1].profile.dead_entries)),
        (Column("embeddings", "Embeddings (% of weights)"), lambda row: share(row[1].vocabulary.embedding_share)),
        (Column("flops", "MFLOPs per word"), lambda row: interval(row[1].profile.flops_per_word, 1, 1e6)),
    ]
    rows = [(curve.algorithm, named[name]) for curve in curves for name in curve.tokenizers]
    notes = [
        "Bold: the knee, the size that lies farthest below the straight line between the smallest and the largest "
        "(Satopaa et al. 2011); it depends on the range that was tried.",
    ]
    return Table.of("sweep", f"Vocabulary sizes on {corpus}", None, notes, columns, rows)


def interval(estimate: Estimate | None, digits: int, scale: float = 1) -> Cell:
    """Return an estimate and its interval in brackets, shown divided by ``scale``."""
    if estimate is None:
        return Cell(None, MISSING)
    text = f"{estimate.value / scale:,.{digits}f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" [{estimate.low / scale:,.{digits}f}–{estimate.high / scale:,.{digits}f}]"
    return Cell(estimate.value, text)


def _figures(limit: int) -> list[tuple[str, Callable[[Side], Cell]]]:
    """Return the heading of each row and how its cells are made."""
    percent = 0.01
    return [
        ("entries of the vocabulary", lambda s: number(s.vocabulary.size)),
        ("tokens per word", lambda s: interval(s.profile.fertility, 3)),
        ("words split into tokens (%)", lambda s: interval(s.profile.continued_words, 1, percent)),
        ("words that vanish (%)", lambda s: interval(s.profile.lost_words, 2, percent)),
        ("unknown tokens (%)", lambda s: interval(s.profile.unknown_rate, 3, percent)),
        ("tokens per text", lambda s: interval(s.profile.mean_length, 1)),
        ("tokens per text, 95th percentile", lambda s: number(s.profile.length_95)),
        (f"texts over {counted(limit, 'token')} (%)", lambda s: interval(s.profile.over_limit, 2, percent)),
        ("length against the reference", lambda s: interval(s.shift and s.shift.length_ratio, 3)),
        ("tokens per entity word", lambda s: interval(s.entities and s.entities.fertility, 3)),
        ("entity words in one token (%)", lambda s: interval(s.entities and s.entities.whole_words, 1, percent)),
        ("whole entities (%)", lambda s: _whole(s.entities)),
        ("entity borders inside a token (%)", lambda s: interval(s.entities and s.entities.borders_inside, 2, percent)),
        ("entries that occur", lambda s: number(s.profile.used_entries)),
        ("dead entries", lambda s: number(s.profile.dead_entries)),
        ("entries that make 95 % of the tokens", lambda s: number(s.profile.core_entries)),
        ("entries shared with the reference (%)", lambda s: share(s.shift and s.shift.overlap)),
        ("tokens that the reference knows (%)", lambda s: interval(s.shift and s.shift.weighted_overlap, 1, percent)),
        ("divergence from the reference (bits)", lambda s: interval(s.shift and s.shift.divergence, 3)),
        ("Rényi efficiency (order 2.5)", lambda s: interval(s.profile.renyi_efficiency, 3)),
        ("embedding parameters (M)", lambda s: number(s.vocabulary.embedding_parameters, 2, scale=1e6)),
        ("embeddings (% of the weights)", lambda s: share(s.vocabulary.embedding_share)),
        ("MFLOPs per word", lambda s: interval(s.profile.flops_per_word, 1, 1e6)),
    ]


def _whole(found: EntityTokens | None) -> Cell:
    return interval(None if found is None else found.whole_entities, 1, 0.01)


def _tokens(found: Sequence[Side]) -> list[Field[Any]]:
    """Make a column per tokenizer of the tokens that it splits a text into."""
    pairs = _columns(found, lambda side, row: label(" ".join(row.cuts[side.index])))
    return [(replace(column, align="left"), cell) for column, cell in pairs]


def _columns(found: Sequence[Side], make: Callable[[Side, Any], Cell]) -> list[Field[Any]]:
    """Make a column per tokenizer."""
    return [
        (Column(f"tokenizer-{place}", side.vocabulary.name), partial(make, side)) for place, side in enumerate(found)
    ]
