"""The training loop and its parts: schedules, optimizers, checkpoints, cached teacher states."""
