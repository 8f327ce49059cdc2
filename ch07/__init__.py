"""Chapter 7: sequence to sequence, and generating text."""
import ch01  # noqa: F401       for what it says of packages and warnings
