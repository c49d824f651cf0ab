"""Classical fills, which need no training: baselines, and fills of the conditions that the model gets."""
