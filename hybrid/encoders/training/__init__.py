"""Making encoders (Karpukhin et al. 2020, §3.2): rows to examples, examples to two towers, towers to a folder."""
