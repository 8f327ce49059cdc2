"""The layers of negative sampling under the book's names; they live in common/negative_sampling_layer.py."""
from common.negative_sampling_layer import EmbeddingDot, NegativeSamplingLoss, UnigramSampler

__all__ = ['EmbeddingDot', 'NegativeSamplingLoss', 'UnigramSampler']
