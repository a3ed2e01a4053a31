"""What all training shares: files of examples, states on the disk."""
