"""Models: load and check them, add heads, truncate layers, transfer embeddings, override single layers."""
