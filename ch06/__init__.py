"""Chapter 6: gated recurrent networks: LSTM language models."""
