"""Run a strategy stage by stage, with its teachers, over the store."""
