"""A tagger over HTTP."""
