"""What the training loop (analysis/training.py) is made of: batches, processes, precision, checkpoints, progress."""
