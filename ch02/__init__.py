"""Chapter 2: words from counts: co-occurrence, PPMI, SVD."""
import ch01  # noqa: F401       for what it says of packages and warnings
