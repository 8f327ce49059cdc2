"""Chapter 8: attention."""
import ch01  # noqa: F401   tells of a foreign package named common
