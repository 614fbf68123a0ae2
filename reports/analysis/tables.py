"""The tables of an analysis: figures with intervals, kinds of words and numbers, entities, words of most tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from finkd.corpora.wording import counted
from finkd.reports.captions import SAMPLE_NOTICE
from finkd.reports.table import MISSING, Cell, Column, Table, label, number, plain, share

if TYPE_CHECKING:
    from finkd.tokenization.analysis import Analysis, Estimate
    from finkd.tokenization.analysis.result import Cuts, EntityCuts, Measured, Profile, TokenizerShift, Vocabulary

    Row = Callable[[Vocabulary, Profile, TokenizerShift | None], Cell]

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


def tables(analysis: Analysis) -> list[Table]:
    """Return all tables, corpus by corpus, then what compares corpora and sizes."""
    found = [
        make(analysis, corpus) for corpus in analysis.corpora for make in (overview, words, numbers, cuts, entities)
    ]
    found += [fragments(analysis, corpus, index) for corpus in analysis.corpora for index in shown(analysis)[:3]]
    return [table for table in (*found, domains(analysis), sweep(analysis)) if table.rows]


def overview(analysis: Analysis, corpus: Measured) -> Table:
    """Make one row per figure, one column per tokenizer."""
    indices = shown(analysis)
    vocabularies = [analysis.vocabularies[index] for index in indices]
    profiles = [analysis.of_corpus(corpus.name)[index] for index in indices]
    shifts = {shift.tokenizer: shift for shift in analysis.tokenizer_shifts if shift.corpus == corpus.name}
    rows = tuple(
        (
            label(heading),
            *(make(v, p, shifts.get(v.name)) for v, p in zip(vocabularies, profiles, strict=True)),
        )
        for heading, make in _figures(analysis)
    )
    kept = tuple(row for row in rows if any(cell.value is not None for cell in row[1:]))
    columns = (Column("figure", "Figure", "left"), *_columns(vocabularies))
    notes = (*corpus_notes(corpus), RENYI_NOTE)
    return Table("figures", plain(f"Tokenizers on {corpus.name}"), notes, columns, kept)


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


def cuts(analysis: Analysis, corpus: Measured) -> Table:
    """Some numbers with their tokens."""
    indices = shown(analysis)
    rows = tuple(
        (label(example.kind), label(example.text), *(label(" ".join(example.cuts[index])) for index in indices))
        for example in analysis.numbers
        if example.corpus == corpus.name
    )
    vocabularies = [analysis.vocabularies[index] for index in indices]
    columns = (Column("kind", "Kind", "left"), Column("text", "Number", "left"), *_columns(vocabularies, left=True))
    note = "The first of each kind that differ in form."
    return Table("number-cuts", plain(f"How numbers are cut, {corpus.name}"), (note,), columns, rows)


def entities(analysis: Analysis, corpus: Measured) -> Table:
    """Tabulate entities by type: tokens for each word, and whole entities."""
    profiles = [analysis.of_corpus(corpus.name)[index] for index in shown(analysis)]
    columns = [Column("type", "Type", "left"), Column("entities", "Entities"), Column("words", "Words")]
    for position, profile in enumerate(profiles):
        columns.append(Column(f"fertility-{position}", plain(f"{profile.tokenizer}: tokens per word")))
        columns.append(Column(f"whole-{position}", "whole (%)"))
    rows = []
    for group in zip(*((*profile.types, profile.entities) for profile in profiles), strict=True):
        first = group[0]
        if first is not None:
            cells = [
                cell
                for cut in group
                if cut is not None
                for cell in (interval(cut.fertility, 2), interval(cut.whole_entities, 1, 0.01))
            ]
            rows.append((label(first.name), number(first.count), number(first.words), *cells))
    note = "Whole: share of the entities in which every word is one known token."
    return Table("entities", plain(f"Entities of {corpus.name}"), (note,), tuple(columns), tuple(rows))


def fragments(analysis: Analysis, corpus: Measured, index: int) -> Table:
    """Tabulate the words with most extra tokens of one tokenizer, with their tokens under those shown."""
    name = analysis.vocabularies[index].name
    indices = shown(analysis)
    listed = next(f for f in analysis.fragments if f.corpus == corpus.name and f.tokenizer == name)
    rows = tuple(
        (
            label(word.word),
            number(word.count),
            number(word.extra[index]),
            *(label(" ".join(word.cuts[each])) for each in indices),
        )
        for word in listed.words
    )
    columns = (
        *(Column("word", "Word", "left"), Column("count", "Count"), Column("extra", "Extra tokens")),
        *_columns([analysis.vocabularies[each] for each in indices], left=True),
    )
    notes = ["Words of letters alone that occur more than once, by the tokens beyond the first that they cost in all."]
    if corpus.missed:
        notes.append(f"Counts may be up to {corpus.missed:,} too low: the list of distinct words is bounded.")
    return Table("fragments", plain(f"Words that {name} cuts most, {corpus.name}"), tuple(notes), columns, rows)


def domains(analysis: Analysis) -> Table:
    """Return every further corpus against the first, under each tokenizer shown."""
    names = {analysis.vocabularies[index].name for index in shown(analysis)}
    columns = (
        *(Column("corpus", "Corpus", "left"), Column("tokenizer", "Tokenizer", "left")),
        *(Column("fertility", "Tokens per word, ratio"), Column("overlap", "Entries used in both (%)")),
        *(Column("weighted", "Tokens known there (%)"), Column("divergence", "Divergence (bits)")),
    )
    rows = tuple(
        (
            *(label(shift.corpus), label(shift.tokenizer), interval(shift.fertility_ratio, 3)),
            *(share(shift.overlap), interval(shift.weighted_overlap, 1, 0.01), interval(shift.divergence, 3)),
        )
        for shift in analysis.domain_shifts
        if shift.tokenizer in names
    )
    first = analysis.corpora[0].name
    note = f"Each corpus against {first}, under the same tokenizer: 1, 100, 100 and 0 would be no shift."
    return Table("domains", plain(f"Domain shift from {first}"), (plain(note),), columns, rows)


def sweep(analysis: Analysis) -> Table:
    """Return every vocabulary that was trained here, by algorithm and size; the knee of each algorithm stands out."""
    corpus = analysis.corpora[0].name
    profiles = {profile.tokenizer: profile for profile in analysis.of_corpus(corpus)}
    shifts = {shift.tokenizer: shift for shift in analysis.tokenizer_shifts if shift.corpus == corpus}
    sizes = {vocabulary.name: vocabulary for vocabulary in analysis.vocabularies}
    rows = []
    for curve in (curve for curve in analysis.curves if curve.corpus == corpus):
        for name in curve.tokenizers:
            vocabulary, profile = sizes[name], profiles[name]
            at_knee = vocabulary.size == curve.knee
            rows.append(
                (
                    label(curve.algorithm, strong=at_knee),
                    Cell(vocabulary.size, f"{vocabulary.size:,}", strong=at_knee),
                    interval(profile.fertility, 3),
                    interval(shifts[name].length_ratio, 3),
                    interval(profile.entities.whole_entities if profile.entities else None, 1, 0.01),
                    number(profile.dead_entries),
                    share(vocabulary.embedding_share),
                    interval(profile.flops_per_word, 1, 1e6),
                )
            )
    columns = (
        *(Column("algorithm", "Algorithm", "left"), Column("size", "Entries"), Column("fertility", "Tokens per word")),
        *(Column("length", "Length against the reference"), Column("whole", "Whole entities (%)")),
        *(Column("dead", "Dead entries"), Column("embeddings", "Embeddings (% of weights)")),
        Column("flops", "MFLOPs per word"),
    )
    notes = (
        "Bold: the knee, the size that lies farthest below the straight line between the smallest and the largest "
        "(Satopaa et al. 2011); it depends on the range that was tried.",
    )
    return Table("sweep", plain(f"Vocabulary sizes on {corpus}"), notes, columns, tuple(rows))


def interval(estimate: Estimate | None, digits: int, scale: float = 1) -> Cell:
    """Return an estimate and its interval in brackets, shown divided by ``scale``."""
    if estimate is None:
        return Cell(None, MISSING)
    text = f"{estimate.value / scale:,.{digits}f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" [{estimate.low / scale:,.{digits}f}–{estimate.high / scale:,.{digits}f}]"
    return Cell(estimate.value, text)


def _figures(analysis: Analysis) -> Iterable[tuple[str, Row]]:
    """Yield the heading and the cells of each row."""
    percent = 0.01
    yield "entries of the vocabulary", lambda v, p, s: number(v.size)
    yield "tokens per word", lambda v, p, s: interval(p.fertility, 3)
    yield "words split into tokens (%)", lambda v, p, s: interval(p.continued_words, 1, percent)
    yield "words that vanish (%)", lambda v, p, s: interval(p.lost_words, 2, percent)
    yield "unknown tokens (%)", lambda v, p, s: interval(p.unknown_rate, 3, percent)
    yield "tokens per text", lambda v, p, s: interval(p.mean_length, 1)
    yield "tokens per text, 95th percentile", lambda v, p, s: number(p.length_95)
    yield f"texts over {counted(analysis.limit, 'token')} (%)", lambda v, p, s: interval(p.over_limit, 2, percent)
    yield "length against the reference", _of_shift(lambda s: interval(s.length_ratio, 3))
    yield "tokens per entity word", _of_entities(lambda e: interval(e.fertility, 3))
    yield "entity words in one token (%)", _of_entities(lambda e: interval(e.whole_words, 1, percent))
    yield "whole entities (%)", _of_entities(lambda e: interval(e.whole_entities, 1, percent))
    yield "entity borders inside a token (%)", _of_entities(lambda e: interval(e.borders_inside, 2, percent))
    yield "entries that occur", lambda v, p, s: number(p.used_entries)
    yield "dead entries", lambda v, p, s: number(p.dead_entries)
    yield "entries that make 95 % of the tokens", lambda v, p, s: number(p.core_entries)
    yield "entries shared with the reference (%)", _of_shift(lambda s: share(s.overlap))
    yield "tokens that the reference knows (%)", _of_shift(lambda s: interval(s.weighted_overlap, 1, percent))
    yield "divergence from the reference (bits)", _of_shift(lambda s: interval(s.divergence, 3))
    yield "Rényi efficiency (order 2.5)", lambda v, p, s: interval(p.renyi_efficiency, 3)
    yield "embedding parameters (M)", lambda v, p, s: number(v.embedding_parameters, 2, scale=1e6)
    yield "embeddings (% of the weights)", lambda v, p, s: share(v.embedding_share)
    yield "MFLOPs per word", lambda v, p, s: interval(p.flops_per_word, 1, 1e6)


def _of_shift(make: Callable[[TokenizerShift], Cell]) -> Row:
    """Return a row that the reference has no cell in."""
    return lambda vocabulary, profile, shift: Cell(None, MISSING) if shift is None else make(shift)


def _of_entities(make: Callable[[EntityCuts], Cell]) -> Row:
    """Return a row that needs labelled entities."""
    return lambda vocabulary, profile, shift: (
        Cell(None, MISSING) if profile.entities is None else make(profile.entities)
    )


def _kinds(
    analysis: Analysis, corpus: Measured, name: str, title: str, of: Callable[[Profile], Sequence[Cuts]]
) -> Table:
    """Make one row per kind, one column per tokenizer with the tokens for each stretch of it."""
    indices = shown(analysis)
    profiles = [analysis.of_corpus(corpus.name)[index] for index in indices]
    rows = tuple(
        (label(group[0].name), number(group[0].count), *(interval(cut.tokens, 2) for cut in group))
        for group in zip(*map(of, profiles), strict=True)
    )
    columns = (
        *(Column("kind", "Kind", "left"), Column("count", "Count")),
        *_columns([analysis.vocabularies[index] for index in indices]),
    )
    note = "In brackets: 95 % intervals."
    return Table(name, plain(f"{title}, {corpus.name}"), (note,), columns, rows)


def _columns(vocabularies: Sequence[Vocabulary], *, left: bool = False) -> tuple[Column, ...]:
    return tuple(
        Column(f"tokenizer-{position}", plain(vocabulary.name), "left" if left else "right")
        for position, vocabulary in enumerate(vocabularies)
    )
