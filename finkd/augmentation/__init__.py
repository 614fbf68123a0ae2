"""Make copies of sentences with replaced words or entities."""
