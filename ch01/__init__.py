"""Chapter 1: neural networks reviewed, on the spiral data."""
