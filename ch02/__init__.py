"""Chapter 2: words from counts: co-occurrence, PPMI, SVD."""
