"""What changing the tokenizer, or the text, does: how words are cut, what stays known, what the embeddings cost."""

from finkd.tokenization.analysis.cost import Encoder
from finkd.tokenization.analysis.measure import Candidate, Text, analyze, measure
from finkd.tokenization.analysis.result import Analysis, Estimate

__all__ = ["Analysis", "Candidate", "Encoder", "Estimate", "Text", "analyze", "measure"]
