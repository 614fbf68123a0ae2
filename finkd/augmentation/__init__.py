"""Make new training text from old: replaced words, replaced entities."""
