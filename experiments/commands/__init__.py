"""The commands of ``finkd``, one module each; whatever is slow to import waits for the command that needs it."""
