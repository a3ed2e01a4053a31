"""Retrievers for other people's frameworks, each with an extra of its own; they ask an index like anybody else."""
