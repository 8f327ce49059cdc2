"""Volume 1 of the book, reviewed: images, the craft of training, autoencoders, a first agent."""
