"""How questions and judgements are written down, one module for each family of formats."""
