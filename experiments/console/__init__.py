"""Terminal output, progress bars and options, shared by all commands."""
