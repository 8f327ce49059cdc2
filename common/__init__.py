"""Layers, optimizers, trainers and helpers that every chapter shares."""
