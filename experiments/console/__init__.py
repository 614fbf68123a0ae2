"""Terminal output, progress bars, options and threads, shared by all commands."""
