"""Analyze tokenizer shift and train vocabularies from the command line."""
