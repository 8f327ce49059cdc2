"""Beyond chapter 8: the Transformer, GPT and BERT, each small enough to train on two cores."""
