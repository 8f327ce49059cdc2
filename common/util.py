"""The book's names of this file; what they name lives by its kind in vectors, evaluation, optimizer and np."""
from common.evaluation import eval_perplexity, eval_seq2seq, evaluate_seq2seq
from common.np import to_cpu, to_gpu
from common.optimizer import clip_grads
from common.vectors import (
    analogy,
    convert_one_hot,
    cos_similarity,
    create_co_matrix,
    create_contexts_target,
    most_similar,
    nearest_words,
    normalize,
    ppmi,
    preprocess,
    truncated_svd,
)

__all__ = ['analogy', 'clip_grads', 'convert_one_hot', 'cos_similarity', 'create_co_matrix', 'create_contexts_target',
           'eval_perplexity', 'eval_seq2seq', 'evaluate_seq2seq', 'most_similar', 'nearest_words', 'normalize', 'ppmi',
           'preprocess', 'to_cpu', 'to_gpu', 'truncated_svd']
