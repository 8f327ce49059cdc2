"""Chapter 3: word2vec in its simple form."""
import ch01  # noqa: F401   tells of a foreign package named common
