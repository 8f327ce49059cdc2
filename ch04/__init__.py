"""Chapter 4: word2vec at full size: embedding and negative sampling."""
import ch01  # noqa: F401   tells of a foreign package named common
