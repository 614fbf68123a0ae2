"""The tokenizer-shift analysis: fertility, unknown tokens, overlap and cost of vocabularies on one or more texts."""

from finkd.tokenization.analysis.measure import Candidate, Text, compare_tokenizers, measure
from finkd.tokenization.analysis.metrics import Encoder
from finkd.tokenization.analysis.result import Analysis, Estimate

__all__ = ["Analysis", "Candidate", "Encoder", "Estimate", "Text", "compare_tokenizers", "measure"]
