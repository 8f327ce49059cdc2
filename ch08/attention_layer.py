"""The attention layers under the book's name (8.1); they live in common."""
from common.attention_layer import Attention, AttentionWeight, TimeAttention, WeightSum

__all__ = ['Attention', 'AttentionWeight', 'TimeAttention', 'WeightSum']
