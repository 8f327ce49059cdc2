"""Chapter 6: gated recurrent networks: LSTM language models."""
import ch01  # noqa: F401       for what it says of packages and warnings
