"""Chapter 4: word2vec at full size: embedding and negative sampling."""
