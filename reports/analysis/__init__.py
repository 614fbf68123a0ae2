"""The tokenizer-shift analysis as tables, pictures and a page."""
