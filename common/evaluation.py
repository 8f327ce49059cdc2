"""How good a model is: the perplexity of a language model, the share of right answers of a classifier or a seq2seq.

Under mpiexec every rank calls these, and takes its share of the work (but for scores).
"""
import math
import os
import sys
from collections.abc import Mapping
from contextlib import contextmanager

import numpy
from numpy.typing import NDArray

from common.checks import InputError, check_flag, check_id_dtype, check_ids, check_shape, check_sizes, shown
from common.functions import as_array, row_labels
from common.layers import set_training
from common.np import np, to_cpu
from common.parallel import share, total
from common.trainer import as_rows


def _is_terminal():
    return sys.stdout.isatty()


@contextmanager
def not_training(model):
    """Within it the model's layers know that this is no training: dropout and batch normalization differ then."""
    was_training = getattr(model, 'train_flg', True)
    set_training(model, False)
    try:
        yield
    finally:
        set_training(model, was_training)


def scores(model, x: NDArray, batch_size: int = 100) -> NDArray:
    """model.predict of x (N, …), in batches and not in training, without dropout -> (N, V)."""
    check_sizes(batch_size=batch_size)
    x = as_rows('x', x)
    if not len(x):
        raise InputError(f'x: expected one or more rows, got {x.shape}')
    with not_training(model):
        return np.concatenate([model.predict(x[i:i + batch_size]) for i in range(0, len(x), batch_size)])


def accuracy(model, x: NDArray, t: NDArray, batch_size: int = 100) -> float:
    """The share of the rows x (N, …) for which model.predict gives the label in t, (N,) or one-hot (N, V), most.

    By scores: in batches, so that memory is that of one of them and of the scores.
    """
    x, t = as_rows('x', x), to_cpu(as_array('t', t))
    if not t.ndim or not len(x) == len(t) > 0:
        raise InputError(f'x: expected one or more rows, as many as labels in t, got {x.shape} and {t.shape}')
    labels = row_labels('t', t) if t.ndim == 2 else t
    check_ids(labels, math.inf, 't')
    rows = share(len(x))
    right = (to_cpu(scores(model, x[rows], batch_size).argmax(axis=1)) == labels[rows]).sum() if len(x[rows]) else 0
    return total(int(right)) / len(x)


def eval_perplexity(model, corpus: NDArray, batch_size: int = 10, time_size: int = 35,
                    verbose: bool = True) -> float:
    """exp of the model's mean loss over corpus (N,), read as batch_size pieces side by side.

    Piece i starts at i·((N − 1) // batch_size). The model's dropout is off, by set_training and, where its
    forward takes it, by train_flg=False; its state is not reset first. verbose: it tells that it works, on a
    terminal with a counter.
    """
    corpus = to_cpu(corpus)
    check_sizes(batch_size=batch_size, time_size=time_size)
    check_flag('verbose', verbose)
    check_shape('corpus', corpus, 'N')
    check_id_dtype(corpus, 'corpus')
    size = len(corpus)
    max_iters = (size - 1) // (batch_size * time_size)
    if max_iters < 1:
        raise InputError(f'corpus: expected more than batch_size · time_size = {batch_size * time_size} words, got '
                         f'{size}')
    if verbose:
        print('evaluating perplexity ...')
    starts = numpy.arange(batch_size)[:, None] * ((size - 1) // batch_size) + numpy.arange(time_size)  # (N, T)
    starts = starts[share(batch_size)]
    loss = 0.0      # of the ranks' pieces, each weighed by how many they are
    with not_training(model):
        for iters in range(max_iters if len(starts) else 0):
            at = starts + iters * time_size
            loss += float(forward_untrained(model, corpus[at], corpus[at + 1])) * (len(starts) / batch_size)
            if verbose and _is_terminal():
                print(f'\r{iters + 1} / {max_iters}', end='\n' if iters + 1 == max_iters else '', flush=True)
    return float(numpy.exp(total(loss) / max_iters))


def forward_untrained(model, xs, ts):
    """The loss without dropout, also of a model of the book's kind, whose forward takes a train_flg that is True."""
    try:
        return model.forward(xs, ts, train_flg=False)
    except TypeError:
        return model.forward(xs, ts)


def eval_seq2seq(model, question: NDArray, correct: NDArray, id_to_char: Mapping[int, str],
                 verbose: bool = False, is_reverse: bool = False, beam_size: int = 1) -> int:
    """1 where model's answer to question (1, T) is `correct` (whose first id is the start mark), else 0.

    verbose prints question, right answer and given answer; is_reverse turns the printed question round again. A
    beam_size above 1 is handed to the model's generate.
    Book, 7.3.4.
    """
    check_sizes(beam_size=beam_size)
    check_flag('verbose', verbose)
    check_flag('is_reverse', is_reverse)
    question, correct = _as_ids('question', question), _as_ids('correct', correct)
    if correct.size < 2:
        raise InputError(f'correct: expected (1, U), the start mark and 1 or more ids, got {correct.shape}')
    start_id, *answer = to_cpu(correct).ravel().tolist()
    given = to_cpu(_answer(model, question, start_id, len(answer), beam_size)).ravel().tolist()
    if verbose:
        asked = to_cpu(question).ravel().tolist()
        print('Q', _text(asked[::-1] if is_reverse else asked, id_to_char))
        print('T', _text(answer, id_to_char))
        print(_mark(given == answer), _text(given, id_to_char))
        print('---')
    return int(given == answer)


def _as_ids(name, ids):
    ids = to_cpu(as_array(name, ids))
    check_id_dtype(ids, name)
    return ids


def _answer(model, xs, start_id, sample_size, beam_size):
    """model's answers; one without beam search, such as a reader's own, is not asked for it."""
    return model.generate(xs, start_id, sample_size, **({'beam_size': beam_size} if beam_size > 1 else {}))


def _text(ids, id_to_char):
    return ''.join(shown(id_to_char[i]) for i in ids)


def _mark(right):
    """A ticked or crossed box: in colour on a terminal, O or X where the console has no such character."""
    box = '☑' if right else '☒'
    try:
        box.encode(getattr(sys.stdout, 'encoding', None) or 'utf-8')
    except UnicodeEncodeError:
        return 'O' if right else 'X'
    if _is_terminal() and os.name != 'nt':
        return f'\033[{92 if right else 91}m{box}\033[0m'
    return box


def evaluate_seq2seq(model, x_test: NDArray, t_test: NDArray, batch_size: int = 1000,
                     beam_size: int = 1) -> float:
    """The share of questions x_test (N, T) that model answers in full as in t_test (N, U), in batches.

    t_test's first column holds the start mark, the same in every row. A beam_size above 1 is handed to generate.
    """
    x_test, t_test = _as_ids('x_test', x_test), _as_ids('t_test', t_test)
    if not x_test.ndim or not t_test.ndim or not len(x_test) == len(t_test) > 0:
        raise InputError(f'x_test: expected one or more questions, as many as answers in t_test, got {x_test.shape} '
                         f'and {t_test.shape}')
    check_sizes(batch_size=batch_size, beam_size=beam_size)
    if t_test.ndim != 2 or t_test.shape[1] < 2:
        raise InputError(f't_test: expected (N, U), the start mark and 1 or more ids a row, got {t_test.shape}')
    start_id = int(t_test[0, 0])
    if (t_test[:, 0] != start_id).any():
        raise InputError('t_test: expected one start id for all rows, got several in its first column')
    right, questions, rows = 0, len(x_test), share(len(x_test))
    x_test, t_test = x_test[rows], t_test[rows]
    for i in range(0, len(x_test), batch_size):
        answers = t_test[i:i + batch_size, 1:]                                  # (N, U − 1)
        given = _answer(model, x_test[i:i + batch_size], start_id, answers.shape[1], beam_size)
        # to_cpu, since for one question a model gives a list
        right += int((to_cpu(given) == answers).all(axis=1).sum())
    return total(right) / questions
