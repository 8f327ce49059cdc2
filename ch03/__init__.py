"""Chapter 3: word2vec in its simple form."""
import ch01  # noqa: F401       for what it says of packages and warnings
