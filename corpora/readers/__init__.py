"""Read labelled data strictly: CoNLL, CSV, JSON lines, spans, parquet, with limits on size and characters."""
