"""Is it better? Questions and rankings go in; metrics with intervals, tests between modes, and run files come out."""
