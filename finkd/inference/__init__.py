"""Run a model without training it: forward pass, word logits, Viterbi decoding, tagging of raw text."""
