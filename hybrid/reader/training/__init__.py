"""Making readers: data to examples, examples to a model, a model to a folder with a card."""
