"""Vocabularies and what a change of tokenizer does: training, alignment, maps and shift analysis."""
