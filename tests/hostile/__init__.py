"""ModelInputs that are broken on purpose, each with the answer that finkd must give."""
