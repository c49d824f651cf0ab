"""What every method makes of the same unseen sequences, and how they compare."""
