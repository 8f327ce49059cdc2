"""The layers of negative sampling under the book's names; they live in common/negative_sampling_layer.py."""
from common.negative_sampling_layer import (
    EmbeddingDot,
    NegativeSamplingLoss,
    Simple_NegativeSamplingLoss,
    Simple_UnigramSampler,
    UnigramSampler,
)

__all__ = ['EmbeddingDot', 'NegativeSamplingLoss', 'Simple_NegativeSamplingLoss', 'Simple_UnigramSampler',
           'UnigramSampler']
