"""Run models without training: forward pass, word logits, Viterbi decoding, tagging of raw text."""
