"""Chapter 5: recurrent networks."""
import ch01  # noqa: F401       for what it says of packages and warnings
