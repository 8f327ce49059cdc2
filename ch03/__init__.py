"""Chapter 3: word2vec in its simple form."""
