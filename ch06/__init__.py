"""Chapter 6: gated recurrent networks: LSTM language models."""
import ch01  # noqa: F401   tells of a foreign package named common
