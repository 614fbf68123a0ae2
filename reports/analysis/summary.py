"""An analysis in a few plain sentences, made from its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finkd.reports.analysis.tables import shown
from finkd.reports.table import plain

if TYPE_CHECKING:
    from finkd.tokenization.analysis import Analysis, Estimate
    from finkd.tokenization.analysis.result import Profile


def summary(analysis: Analysis) -> str:
    """Return what the tokenizers cost on the first corpus, what another domain changes, and where the knees are."""
    sentences = [*_tokenizers(analysis), *_domains(analysis), *_knees(analysis)]
    return plain(" ".join(sentences))


def _tokenizers(analysis: Analysis) -> list[str]:
    corpus = analysis.corpora[0]
    profiles = analysis.of_corpus(corpus.name)
    reference = profiles[0]
    found = [f"On {corpus.name}, {reference.tokenizer} spends {reference.fertility.value:.2f} tokens on a word."]
    shifts = {shift.tokenizer: shift for shift in analysis.tokenizer_shifts if shift.corpus == corpus.name}
    for index in shown(analysis)[1:]:
        profile, vocabulary = profiles[index], analysis.vocabularies[index]
        shift = shifts[profile.tokenizer]
        text = (
            f"{profile.tokenizer}, of {vocabulary.size:,} entries, spends {profile.fertility.value:.2f}: "
            f"{_length(shift.length_ratio)}"
        )
        old, new = analysis.vocabularies[0].embedding_share, vocabulary.embedding_share
        if old is not None and new is not None:
            text += f", and embeddings are {new:.0%} of the weights instead of {old:.0%}"
        found.append(f"{text}{_entities(profile, reference)}.")
    return found


def _length(ratio: Estimate) -> str:
    if ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high:
        return "texts are as long as before, as far as this text can tell"
    change = abs(ratio.value - 1)
    return f"texts become {change:.1%} {'longer' if ratio.value > 1 else 'shorter'}"


def _entities(profile: Profile, reference: Profile) -> str:
    if profile.entities is None or reference.entities is None:
        return ""
    ours, theirs = profile.entities.whole_entities.value, reference.entities.whole_entities.value
    return f"; it keeps {ours:.0%} of the entities whole, the reference {theirs:.0%}"


def _domains(analysis: Analysis) -> list[str]:
    """Return the greatest change of tokens per word that another corpus brings under the reference."""
    reference = analysis.vocabularies[0].name
    shifts = [shift for shift in analysis.domain_shifts if shift.tokenizer == reference]
    return [
        f"On {shift.corpus}, {reference} spends {shift.fertility_ratio.value:.2f} times as many tokens on a word "
        f"as on {analysis.corpora[0].name}."
        for shift in sorted(shifts, key=lambda shift: -shift.fertility_ratio.value)[:1]
    ]


def _knees(analysis: Analysis) -> list[str]:
    corpus = analysis.corpora[0].name
    return [
        f"For {curve.algorithm}, entries beyond {curve.knee:,} buy less than the sweep's average."
        for curve in analysis.curves
        if curve.corpus == corpus and curve.knee is not None
    ]
