"""One script for each known ordering; they share ``script.py``."""
