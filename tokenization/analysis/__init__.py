"""What changing the tokenizer, or the text, does: how words are cut, what stays known, what the embeddings cost."""

from tokenization.analysis.cost import Encoder
from tokenization.analysis.measure import Candidate, Text, analyze, measure
from tokenization.analysis.result import Analysis, Estimate

__all__ = ["Analysis", "Candidate", "Encoder", "Estimate", "Text", "analyze", "measure"]
