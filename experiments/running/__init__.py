"""Run an experiment: prepare, plan, train, record, publish."""
