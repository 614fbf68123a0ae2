"""What all commands share: terminal output, progress bars, options, threads."""
