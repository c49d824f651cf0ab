"""Videos and frames as people have them, made into sequences of the dataset's layout."""
