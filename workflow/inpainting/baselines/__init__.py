"""What a hole can be filled with without any training: what conditions show there, and baselines to be beaten."""
