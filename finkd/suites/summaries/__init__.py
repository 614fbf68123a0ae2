"""Summaries of dialogues: models that write them, floors that need no weights, and how they are scored."""
