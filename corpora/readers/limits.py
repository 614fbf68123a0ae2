"""Bounds on size and depth that every reader of text keeps to.

A file that breaks a bound is refused before it fills the memory. The bounds lie far above what a corpus holds: an
annual report with its markup has some ten megabytes.
"""

MEBIBYTE = 1 << 20
LINE_BYTES = 64 * MEBIBYTE
"""Of one line, or one cell of a CSV file."""
HELD_BYTES = 256 * MEBIBYTE
"""Of a file that can only be read as a whole: a JSON value, a packed table."""
TABLE_VALUES = 200_000_000
"""Values of a parquet table: a few bytes may stand for as many equal ones."""
PACKED_RATIO = 200
"""Times its size that a gzip file may unfold to, beyond ``LINE_BYTES``. Text unfolds to three to ten times its size, a
file of equal bytes to 1,000 times."""
TEXT_CHARACTERS = 1_000_000
"""Of one labelled text: as many as spaCy takes, and a book has."""
LABEL_CHARACTERS = 200
JSON_DEPTH = 100
JSON_DIGITS = 30
"""Of a whole number in JSON."""
