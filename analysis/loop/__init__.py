"""What the training loop (analysis/training.py) is made of: batches, processes, precision, checkpoints, progress.

And the yardstick that its speed is held against, `matrix_rate`.
"""
