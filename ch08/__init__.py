"""Chapter 8: attention."""
import ch01  # noqa: F401       for what it says of packages and warnings
