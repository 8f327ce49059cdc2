"""Chapter 2: words from counts: co-occurrence, PPMI, SVD."""
import ch01  # noqa: F401   tells of a foreign package named common
