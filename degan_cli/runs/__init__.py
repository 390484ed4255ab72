"""What a run keeps beside its networks: the output, progress, checkpoints, and when to stop."""
