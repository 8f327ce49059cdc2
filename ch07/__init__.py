"""Chapter 7: sequence to sequence, and generating text."""
import ch01  # noqa: F401   tells of a foreign package named common
