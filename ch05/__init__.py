"""Chapter 5: recurrent networks."""
import ch01  # noqa: F401   tells of a foreign package named common
