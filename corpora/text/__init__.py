"""Unlabelled text: stream it, sample sentences, select by similarity, keep it in Arrow files."""
