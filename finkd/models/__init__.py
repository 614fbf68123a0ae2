"""Load and check models, add heads, truncate layers, transfer embeddings, override single layers."""
