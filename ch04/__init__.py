"""Chapter 4: word2vec at full size: embedding and negative sampling."""
import ch01  # noqa: F401       for what it says of packages and warnings
