"""Settings chosen by Optuna: what is varied, the trials, and the processes that run them."""
