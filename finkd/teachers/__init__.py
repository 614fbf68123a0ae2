"""Taggers as teachers: ensembles, and taggers that finkd did not train."""
