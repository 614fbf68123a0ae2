"""From sentences to batches: encoding, datasets, batch plans, collation, masking, raw text."""
