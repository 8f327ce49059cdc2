"""From words to ids, from counts to vectors, from vectors to neighbours (book, chapters 2 to 4)."""
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

import numpy as np  # words, their counts and their neighbours stay on the host
from numpy.typing import NDArray

from common.checks import (
    InputError,
    InputTypeError,
    brief,
    check_flag,
    check_id,
    check_id_dtype,
    check_ids,
    check_range,
    check_shape,
    check_sizes,
    shown,
)
from common.functions import as_array
from common.np import to_cpu


def preprocess(text: str) -> tuple[NDArray, dict[str, int], dict[int, str]]:
    """Ids of the words of `text`, in lower case, the full stop being a word of its own. Book, 2.3.1.

    Words are parted at each single blank; ids go by first appearance.
    Returns corpus (N,), word_to_id, id_to_word.
    """
    if not isinstance(text, str):
        raise InputTypeError(f'text: expected a string, got {type(text).__name__}')
    words = text.lower().replace('.', ' .').split(' ')
    id_to_word = dict(enumerate(dict.fromkeys(words)))
    word_to_id = {word: i for i, word in id_to_word.items()}
    return np.array([word_to_id[word] for word in words]), word_to_id, id_to_word


def convert_one_hot(corpus: NDArray, vocab_size: int) -> NDArray:
    """One-hot rows: (N,) → (N, V), (N, C) → (N, C, V), int32. Book, 3.3.2."""
    corpus = to_cpu(corpus)
    check_sizes(vocab_size=vocab_size)
    check_ids(corpus, vocab_size, 'corpus')
    one_hot = np.zeros((corpus.size, vocab_size), np.int32)
    one_hot[np.arange(corpus.size), corpus.ravel()] = 1
    return one_hot.reshape(*corpus.shape, vocab_size)


def create_contexts_target(corpus: NDArray, window_size: int = 1) -> tuple[NDArray, NDArray]:
    """Contexts (N − 2w, 2w), left to right without the word between, and targets (N − 2w,). Book, 3.3.1."""
    corpus, w = to_cpu(corpus), window_size
    check_sizes(window_size=w)
    check_shape('corpus', corpus, 'N')
    check_id_dtype(corpus, 'corpus')
    n = len(corpus) - 2 * w
    if n < 1:
        raise InputError(f'corpus: expected {2 * w + 1} words or more, for window_size is {w}, got {len(corpus)}')
    contexts = np.stack([corpus[i:i + n] for i in range(2 * w + 1) if i != w], axis=1)    # (N − 2w, 2w)
    return contexts, corpus[w:w + n].copy()


def create_co_matrix(corpus: NDArray, vocab_size: int, window_size: int = 1) -> NDArray:
    """C[i, j]: how often word j stands within window_size words of word i. (V, V), int32. Book, 2.3.4."""
    corpus = to_cpu(corpus)
    check_sizes(vocab_size=vocab_size, window_size=window_size)
    check_shape('corpus', corpus, 'N')
    check_ids(corpus, vocab_size, 'corpus')
    corpus = corpus.astype(np.int64)                # i·V + j outgrows 32 bits from 46,341 words on
    C = np.zeros((vocab_size, vocab_size), np.int32)
    last = min(window_size, len(corpus) - 1)        # no two words are further apart
    step = max(1, 2**24 // len(corpus))             # distances at a time: some 16 million pairs
    for first in range(1, last + 1, step):
        distances = range(first, min(first + step, last + 1))
        pairs = np.concatenate([corpus[:-d] * vocab_size + corpus[d:] for d in distances])
        pairs, counts = np.unique(pairs, return_counts=True)
        left, right = np.divmod(pairs, vocab_size)
        C[left, right] += counts.astype(np.int32)   # no pair stands twice, so += loses nothing
        C[right, left] += counts.astype(np.int32)
    return C


def ppmi(C: NDArray, verbose: bool = False, eps: float = 1e-8) -> NDArray:
    """Positive pointwise mutual information: max(0, log2(C_ij·N / (S_i·S_j) + eps)), 0 where C_ij is 0.

    N is the sum of C and S the sums of its columns. C (V, V) -> (V, V), float32. It goes through the nonzero
    entries of some rows at a time, so that it needs little memory beside C and the result. Book, 2.4.1.
    """
    C = to_cpu(as_array('C', C))
    check_flag('verbose', verbose)
    check_range('eps', eps, 0, math.inf)
    if C.ndim != 2 or C.shape[0] != C.shape[1]:
        raise InputError(f'C: expected a square matrix, got {C.shape}')
    S = C.sum(axis=0, dtype=np.float64)             # (V,); C_ij·N outgrows int32
    N = S.sum()
    M = np.zeros(C.shape, np.float32)
    step = max(1, 2**20 // max(1, len(C)))          # rows at a time: about a million entries
    for start in range(0, len(C), step):
        rows, columns = np.nonzero(C[start:start + step])
        rows += start
        counts = C[rows, columns].astype(np.float64)
        if not (counts > 0).all():
            raise InputError(f'C: expected counts, 0 or more each, got {counts.min()}')
        ratio = counts * N / (S[rows] * S[columns])
        M[rows, columns] = np.maximum(0, np.log2(ratio + eps))
        if verbose:
            print(f'{100 * min(start + step, len(C)) / len(C):.1f}% done')
    return M


def truncated_svd(M: NDArray, n_components: int, n_oversamples: int = 10,
                  n_iter: int = 10) -> tuple[NDArray, NDArray, NDArray]:
    """The leading singular vectors and values: M ≈ U·diag(S)·Vt.

    M (m, n) -> U (m, k), S (k,) in falling order, Vt (k, n), of M's dtype (float64 for integers). They come
    from a random sketch of M's range, sharpened by n_iter power iterations with a QR after each product. The
    largest entry of each column of U is positive, so that a seed gives the same signs everywhere.
    Halko, Martinsson and Tropp, 2011, algorithms 4.4 and 5.1.
    """
    check_sizes(0, n_components=n_components, n_oversamples=n_oversamples, n_iter=n_iter)
    M = to_cpu(as_array('M', M))
    if M.ndim != 2 or not 1 <= n_components <= min(M.shape):
        raise InputError(f'n_components: expected 1 to the smaller side of a matrix M, got {n_components} for M of '
                         f'the shape {M.shape}')
    if not np.isfinite(M).all():
        raise InputError('M: expected finite numbers, got NaN or infinite ones')
    A = _as_float(M)
    width = min(n_components + n_oversamples, *M.shape)
    Q = np.random.randn(M.shape[1], width).astype(A.dtype)      # (n, width)
    Q, _ = np.linalg.qr(A @ Q)                                  # (m, width)
    for _ in range(n_iter):
        Q, _ = np.linalg.qr(A.T @ Q)                            # (n, width)
        Q, _ = np.linalg.qr(A @ Q)                              # (m, width)
    U, S, Vt = np.linalg.svd(Q.T @ A, full_matrices=False)      # (width, width), (width,), (width, n)
    U, S, Vt = Q @ U[:, :n_components], S[:n_components], Vt[:n_components]
    peaks = U[np.abs(U).argmax(axis=0), np.arange(n_components)]
    signs = np.where(peaks < 0, -1, 1).astype(A.dtype)          # (k,)
    dtype = M.dtype if M.dtype.kind == 'f' else A.dtype
    return (U * signs).astype(dtype), S.astype(dtype), (Vt * signs[:, None]).astype(dtype)


def _as_float(x):
    """x as float32 or float64: counts would overflow when squared, and float16 is slow and rounds off."""
    return to_cpu(x).astype(np.result_type(x.dtype, np.float32), copy=False)


def _scaled(x):
    """x times a power of two for each row, which brings its largest number near 1, and the exponents taken out.

    Squares of numbers beside 1e-25 (float32) or 1e200 would underflow or overflow. No bit of x is lost.
    """
    exponent = np.frexp(np.abs(x).max(axis=-1, keepdims=True, initial=0))[1]
    return np.ldexp(x, -exponent), exponent


def _norm(x):
    """Euclidean norm over the last axis, which stays, with length 1."""
    scaled, exponent = _scaled(x)
    return np.ldexp(np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True)), exponent)


def normalize(x: NDArray) -> NDArray:
    """x / |x|: a vector, or each row of a matrix, at length 1 (zeros stay zeros). Returns a new array."""
    x, _ = _scaled(_as_float(to_cpu(as_array('x', x))))
    norm = _norm(x)
    return x / np.where(norm == 0, 1, norm)


def cos_similarity(x: NDArray, y: NDArray, eps: float = 1e-8):
    """x·y / (|x|·|y|), each norm plus eps. x (D,), y (D,) -> a scalar. Book, 2.3.5."""
    check_shape('x', x, 'D')
    check_shape('y', y, '', len(x))
    check_range('eps', eps, 0, math.inf)
    x, y = _as_float(x), _as_float(y)
    return np.dot(x / (_norm(x) + eps), y / (_norm(y) + eps))


def nearest_words(query_vector: NDArray, word_matrix: NDArray, id_to_word: Mapping[int, str],
                  exclude: Collection[str] = (), top: int = 5) -> list[tuple[str, float]]:
    """The `top` words with the largest word_matrix·query_vector, without those of `exclude`: [(word, score)].

    query_vector (D,), word_matrix (V, D). exclude may be one word. Equal scores keep the order of ids; a NaN is left
    out.
    """
    if not isinstance(exclude, Iterable):
        raise InputTypeError(f'exclude: expected words, got {brief(exclude)}')
    exclude = {exclude} if isinstance(exclude, str) else exclude        # 'a' in 'ab' is true
    check_sizes(0, top=top)
    _check_word_matrix(word_matrix, id_to_word)
    check_shape('query_vector', query_vector, '', word_matrix.shape[1])
    # einsum, since BLAS may give equal rows scores that differ in the last bit
    scores = np.einsum('vd,d->v', _as_float(word_matrix), _as_float(query_vector))            # (V,)
    found = ((id_to_word[i], scores[i]) for i in (-scores).argsort(kind='stable').tolist()
             if id_to_word[i] not in exclude and scores[i] == scores[i])
    return list(islice(found, top))


def _check_word_matrix(word_matrix, id_to_word):
    check_shape('word_matrix', word_matrix, 'VD')
    if not isinstance(id_to_word, Mapping | Sequence):
        raise InputTypeError(f'id_to_word: expected a dict from ids to words, got {type(id_to_word).__name__}')
    if len(word_matrix) != len(id_to_word):
        raise InputError(f'word_matrix: expected {len(id_to_word)} rows, one for each word of id_to_word, got '
                         f'{len(word_matrix)}')


def _is_known(word, word_to_id, word_matrix):
    """Whether word has a row of word_matrix; InputError where its id is none of one, such as -1, which is the last."""
    if not isinstance(word_to_id, Mapping):
        raise InputTypeError(f'word_to_id: expected a dict from words to ids, got {type(word_to_id).__name__}')
    if not isinstance(word, str):
        raise InputTypeError(f'query: expected words, strings each, got {brief(word)}')
    if word not in word_to_id:
        print(f'{shown(word)} is not found')
        return False
    check_id(f'word_to_id[{word!r}]', word_to_id[word], len(word_matrix))
    return True


def most_similar(query: str, word_to_id: Mapping[str, int], id_to_word: Mapping[int, str],
                 word_matrix: NDArray, top: int = 5) -> list[tuple[str, float]]:
    """Print the `top` words whose rows of word_matrix (V, D) have the largest cosine with query's.

    Returns them too, (word, cosine) each: none where query is not known. Book, 2.3.6.
    """
    _check_word_matrix(word_matrix, id_to_word)
    if not _is_known(query, word_to_id, word_matrix):
        return []
    print(f'\n[query] {shown(query)}')
    W = _as_float(word_matrix)
    W = W / (_norm(W) + 1e-8)       # as cos_similarity has it
    return _printed(nearest_words(W[word_to_id[query]], W, id_to_word, {query}, top))


def analogy(a: str, b: str, c: str, word_to_id: Mapping[str, int], id_to_word: Mapping[int, str],
            word_matrix: NDArray, top: int = 5, answer: str | None = None) -> list[tuple[str, float]]:
    """Print the `top` words for `a is to b as c is to ?`: the largest word_matrix·normalize(b − a + c).

    word_matrix (V, D). a, b and c are left out; the score of `answer`, if given, comes first. Returns
    the words too, (word, score) each: none where a, b or c is not known. Book, 4.3.
    """
    _check_word_matrix(word_matrix, id_to_word)
    if not all(_is_known(word, word_to_id, word_matrix) for word in (a, b, c)):
        return []
    print(f'\n[analogy] {shown(a)}:{shown(b)} = {shown(c)}:?')
    W = _as_float(word_matrix)
    query = normalize(W[word_to_id[b]] - W[word_to_id[a]] + W[word_to_id[c]])
    if answer is not None and _is_known(answer, word_to_id, word_matrix):
        print(f'==>{shown(answer)}:{np.dot(W[word_to_id[answer]], query)}')
    return _printed(nearest_words(query, W, id_to_word, {a, b, c}, top))


def _printed(found):
    """The list of (word, score), after a line for each; the scores as Python's floats."""
    for word, score in found:
        print(f' {shown(word)}: {score}')
    return [(word, float(score)) for word, score in found]
