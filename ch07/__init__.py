"""Chapter 7: sequence to sequence, and generating text."""
