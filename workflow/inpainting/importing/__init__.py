"""Import videos and folders of frames as sequences in the dataset's layout."""
