"""HTML pages, model cards and rating forms."""
