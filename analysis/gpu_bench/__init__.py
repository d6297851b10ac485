"""`bench gpu`: what a GPU does for trainings, N-body code and generator, and whether it computes the same."""
