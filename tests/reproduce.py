"""Does it give what the book got? The book's results, from the scripts as they are, each beside the book's figure.

    python -m tests.reproduce                       all rows: many hours on two cores
    python -m tests.reproduce spiral count          these
    python -m tests.reproduce --table               run nothing: what is there so far goes into the chapters' pages

A row is a script with its flags, run with seeds 0, 1 and 2, or with 0 alone where a run is long. Each run has a folder,
OUT/ROW/SEED, for its weights, its pictures, what it printed (log.txt) and result.json, which is written last: a run
that has one is not run again, so the same command takes up what was stopped. The longest, better_rnnlm, goes on from
its last whole epoch. Rows named _own learn from the data that are made here, the others from the book's, which they
look for in the data folder.

--table writes each chapter's rows into its README.md, between two comments, and leaves all else there as it is; a row
of which OUT holds nothing keeps its line. It draws the charts too, into OUT.
"""
import argparse
import contextlib
import datetime
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from ch04.eval import ANALOGIES, QUERIES
from ch07.train_seq2seq import ANSWERED
from common import storage, weight_files
from common.checks import InputError
from common.figures import plot_accuracies
from common.util import nearest_words, normalize
from dataset import files

# ---------------------------------------------------------------- what is measured: what main returned -> {name: value}


def neighbours(word_vecs, word_to_id, id_to_word):
    """The five words nearest to each of the book's queries, by the cosine."""
    W = normalize(word_vecs)
    return {word: [other for other, _ in nearest_words(W[word_to_id[word]], W, id_to_word, {word})]
            for word in QUERIES}


def places(word_vecs, word_to_id, id_to_word):
    """The place at which each of the book's analogies has its right word."""
    found = {}
    for a, b, c, answer in ANALOGIES:
        query = normalize(word_vecs[word_to_id[b]] - word_vecs[word_to_id[a]] + word_vecs[word_to_id[c]])
        ranked = nearest_words(query, word_vecs, id_to_word, {a, b, c}, top=len(word_to_id))
        found[f'place of {answer}'] = [word for word, _ in ranked].index(answer) + 1
    return found


def count_vectors(words):
    return neighbours(*words)


def word_vectors(words):
    return neighbours(*words) | places(*words)


def loss_of_last(epochs, trainer):
    """The mean of the curve's points over the last epochs."""
    n = max(1, epochs * len(trainer.loss_list) // trainer.current_epoch)
    return {'loss': sum(trainer.loss_list[-n:]) / n}


def loss_and_vectors(file_name, trainer):
    return loss_of_last(1, trainer) | word_vectors(weight_files.load_words(file_name))


def last_perplexity(trainer):
    return {'perplexity': trainer.ppl_list[-1]}


def perplexity_on_test(result):
    return {'test perplexity': result[1]}


def perplexities(result):
    trainer, perplexity = result
    return {'test perplexity': perplexity, 'valid perplexity after each epoch': trainer.valid_list}


def accuracies(result):
    """In per cent."""
    _, shares = result
    return {'accuracy': 100 * shares[-1], 'after each epoch': [100 * share for share in shares]}


def accuracies_of(trainer, epochs=True):
    """Of a classifier of volume 1, in per cent: at the end, and of the test pictures after each epoch."""
    train, test = ([100 * share for share in shares] for shares in (trainer.train_list, trainer.valid_list))
    return {'train accuracy': train[-1], 'test accuracy': test[-1]} | ({'after each epoch': test} if epochs else {})


def deep(result):
    trainer, misread = result
    return accuracies_of(trainer) | {'misread': len(misread)}


def numbers(result):
    """{name: number}, as Python's own numbers."""
    return {name: float(value) for name, value in result.items()}


def prefixed(what, result):
    return {f'{what}, {name}': value for name, value in numbers(result).items()}


def learnt(shares):
    """At how many of the 16 first scales more than 30 % of the training pictures are told right, and more than 90 %."""
    return {f'{name}, scales over {least:.0%}': sum(share is not None and share > least for share in row)
            for name, row in shares.items() for least in (0.3, 0.9)}


def found_by_search(best):
    return {'lr': f'{best["lr"]:.1e}', 'λ': f'{best["weight decay"]:.1e}',
            'validation accuracy': 100 * best['validation'], 'test accuracy': 100 * best['test']}


def last_of_each(result):
    """Of each way of learning, the test accuracy at the end, in per cent: the mean over the seeds. Without: before."""
    curves, unfitted = result
    return {f'{way}, test accuracy': 100 * sum(seed[-1] for seed in seeds) / len(seeds)
            for way, seeds in curves.items()} | {'without them, test accuracy': 100 * float(unfitted)}


def greedy_mean(result):
    return {'mean return of 100 episodes': float(result['greedy mean'])}


def after_training(result):
    trainer, perplexities = result
    return {**{f'test perplexity, {name}': value for name, value in perplexities.items()},
            'valid perplexity after each epoch': trainer.valid_list}


def of_hidden_words(found):
    return {name: float(value) * (100 if name.startswith('accuracy') else 1) for name, value in found.items()}


def last_points(result):
    return {f'{name}, test perplexity': points[-1][1] for name, points in result.items()}


def when_learnt(result):
    """For each model its accuracies after each epoch, in per cent, and the seconds at which it had them."""
    shares, seconds = result
    return {f'{name}, after each epoch': [100 * share for share in shares[name]] for name in shares} | {
        f'{name}, seconds': seconds[name] for name in shares}


def last_shares(result):
    return {f'{way}, test accuracy': ' / '.join(f'{100 * share:.1f}' for share in sorted(run[-1] for run in runs))
            for way, runs in result.items()}


def last_divergences(result):
    return {f'{name}, nats from the truth': points[-1][1] for name, points in result.items()}


def tables(answers):
    return {gate: ''.join(map(str, column)) for gate, column in answers.items()}


def ends(paths):
    return {name: ', '.join(f'{number:.3f}' for number in path[-1]) for name, path in paths.items()}


def spread(histograms):
    """Mean and deviation of the activations of the last of five layers."""
    return {f'{name}, layer 5': f'{layers[-1][0]:.2f} ± {layers[-1][1]:.2f}' for name, layers in histograms.items()}


def at_the_end(result):
    """Of each way against overfitting, its last two accuracies in per cent."""
    return {f'{name}, {part} accuracy': 100 * float(share) for name, shares in result.items()
            for part, share in shares.items()}


# ---------------------------------------------------------------- the rows


class Row(NamedTuple):
    book: str                                   # what the book got
    script: str
    measure: Callable[[Any], dict]
    flags: Mapping[str, Any] = MappingProxyType({})     # of main; in a text {data} is the data folder, {out} is OUT
    seeds: tuple[int | None, ...] = (0, 1, 2)
    needs: str = ''                             # a file of the data folder; OWN: no data folder at all
    after: str = ''                             # the row whose weights it takes
    quoted: bool = False                        # by hand, outside of the table


OWN = 'own'


def sequences(prefix, script, file_name, **variants):
    """A row for each variant (its flags, the book's result) on the book's data, and one on our own."""
    rows = {}
    for name, (flags, book) in variants.items():
        rows[f'{prefix}_{name}'] = Row(book, script, accuracies, flags, needs=f'sequence/{file_name}')
        rows[f'{prefix}_{name}_own'] = Row(book, script, accuracies, flags, needs=OWN)
    return rows


def volume_1(book, script, measure, flags=MappingProxyType({}), seeds=(0, 1, 2), needs='mnist', after=''):
    return Row(book, f'ch01.volume1.{script}', measure, flags, seeds, needs, after)


def transformer(script, measure, flags=MappingProxyType({}), seeds=(0, 1, 2), after=''):
    return Row('–', f'ch08.transformer.{script}', measure, flags, seeds, after=after)


ROWS = {
    'spiral': Row('loss about 0.1', 'ch01.train', partial(loss_of_last, 1)),
    'perceptrons': volume_1('truth tables', 'perceptrons', tables, seeds=(None,), needs=''),
    'gradient_descent': volume_1('ends near (−6e-10, 8e-10)', 'gradient_descent', lambda result: {
        'the end': ', '.join(f'{x:.2e}' for x in result[1]['right'])}, seeds=(None,), needs=''),
    'computational_graph': volume_1('715; an apple 2.2, an orange 3.3', 'computational_graph', lambda result: {
        'price': float(result[0]['price']), **{f'∂ {name}': float(d) for name, d in result[1].items()}},
        seeds=(None,), needs=''),
    'optimizer_paths': volume_1('four paths', 'optimizer_paths', ends, seeds=(None,), needs=''),
    'activation_histograms': volume_1('saturated; all alike; spread', 'activation_histograms', spread, {'seed': 0},
                                      (None,), ''),
    'sample_weights': volume_1('93.52 %', 'inference', lambda result: {'test accuracy': 100 * result[0]},
                               seeds=(None,)),
    'two_layer': volume_1('test 96.9 to 97.2 %', 'train_two_layer', accuracies_of),
    'gradients': volume_1('mean difference below 3e-7', 'gradient_check', lambda means: {
        name: f'{mean:.1e}' for name, mean in means.items()}, seeds=(0,)),
    'optimizers': volume_1('SGD is slowest, AdaGrad a little ahead', 'compare_optimizers',
                           partial(prefixed, 'last loss')),
    'first_weights': volume_1('0.01 does not learn, He is fastest', 'compare_first_weights',
                              partial(prefixed, 'last loss')),
    'batch_norm': volume_1('with it nearly every scale learns; without it neither small ones nor the largest',
                           'batch_norm', learnt),
    'overfitting': volume_1('plain: train 100 %; the gap shrinks with decay and with dropout', 'overfitting',
                            at_the_end),
    'search': volume_1('best lr 1e-3 to 1e-2, λ 1e-8 to 1e-6', 'hyperparameters', found_by_search),
    'simple_convnet_small': volume_1('95 to 96.6 %', 'train_convnet', partial(accuracies_of, epochs=False),
                                     {'train_size': 5000, 'test_size': 1000}),
    'simple_convnet': volume_1('train 99.82 %, test 98.96 %', 'train_convnet', accuracies_of),
    'deep_convnet': volume_1('test 99.38 %', 'train_deep_convnet', deep, {'resume': True}, (0,)),
    'deep_convnet_augmented': volume_1('–', 'train_deep_convnet', deep, {'augment': True, 'resume': True}, (0,)),
    'half_floats': volume_1('the same accuracy to 0.1', 'half_floats', lambda result: {
        'test accuracy in float32': 100 * result[0], 'in float16': 100 * result[1], 'answers that differ': result[2]},
        {'params': '{out}/deep_convnet/0/DeepConvNet.npz'}, (None,), after='deep_convnet'),
    'transfer': volume_1('–', 'transfer', last_of_each, seeds=(0,)),
    'autoencoder': volume_1('–', 'train_autoencoder', numbers),
    'autoencoder_plane': volume_1('–', 'train_autoencoder', numbers, {'bottleneck': 2}),
    'autoencoder_denoising': volume_1('–', 'train_autoencoder', numbers, {'noise': 0.5}),
    'vae': volume_1('–', 'train_vae', numbers),
    'dqn': volume_1('– (195 counts as solved)', 'train_dqn', greedy_mean, needs=''),
    'reinforce': volume_1('– (195 counts as solved)', 'train_reinforce', greedy_mean, needs=''),
    'count': Row('you: i, we …; year: month, quarter …; car: luxury, auto …; toyota: motor, nissan …',
                 'ch02.count_method_big', count_vectors),
    'simple_cbow': Row('loss well below 1', 'ch03.train', partial(loss_of_last, 50)),
    'cbow': Row('you: we, i …; year: month, week …; woman, went and children at place 1, worse not', 'ch04.train',
                partial(loss_and_vectors, 'cbow_params.npz')),
    'skip_gram': Row('–', 'ch04.train', partial(loss_and_vectors, 'skipgram_params.npz'),
                     {'model': 'skip_gram'}, (0,)),
    'book_cbow': Row('as cbow', 'ch04.eval', word_vectors, {'params': '{data}/weights/cbow_params.pkl'}, (None,),
                     'weights/cbow_params.pkl'),
    'simple_rnnlm': Row('perplexity about 5', 'ch05.train', last_perplexity),
    'rnnlm': Row('test perplexity about 136', 'ch06.train_rnnlm', perplexity_on_test),
    'book_rnnlm': Row('test perplexity about 136', 'ch06.eval', lambda perplexity: {'test perplexity': perplexity},
                      {'params': '{data}/weights/Rnnlm.pkl'}, (None,), 'weights/Rnnlm.pkl'),
    'better_rnnlm': Row('test perplexity 75.76 after 40 epochs', 'ch06.train_better_rnnlm', perplexities,
                        {'max_epoch': 10, 'resume': True}, (0,)),
    **sequences('addition', 'ch07.train_seq2seq', 'addition.txt',
                plain=({}, 'about 10 %'), reversed=({'reverse': True}, 'about 54 %'),
                peeky=({'reverse': True, 'peeky': True}, 'near 100 %')),
    **sequences('dates', 'ch08.train', 'date.txt',
                attention=({}, 'near 100 % after epoch 2'), peeky=({'model': 'peeky'}, 'later than attention'),
                plain=({'model': 'seq2seq'}, 'near 0 %')),
    'dates_bi': Row('–', 'ch08.train', accuracies, {'model': 'bi', 'max_epoch': 5}),
    'dates_bahdanau': Row('–', 'ch08.train', accuracies, {'model': 'bahdanau', 'max_epoch': 5}),
    'dates_deep': Row('–', 'ch08.train', accuracies, {'model': 'deep', 'max_epoch': 5}, (0,)),
    'dates_transformer': transformer('train_dates', accuracies, {'resume': True}),
    'transformer_beside_attention': transformer('compare', when_learnt, {'max_epoch': 6}, (0,)),
    'additions_transformer': transformer('train_dates', accuracies, {'file_name': 'addition.txt', 'max_epoch': 25,
                                                                     'resume': True}, (0,)),
    'gpt': transformer('train_gpt', after_training, {'max_epoch': 5, 'dropout': 0.1, 'resume': True}, (0,)),
    'gpt_beside_rnnlm': transformer('compare_language_models', last_points, {'seconds': 60.0}),
    'bert': transformer('train_bert', of_hidden_words, {'resume': True}),
    'bert_fine_tuned': transformer('finetune_bert', last_shares, {'params': '{out}/bert/0/BERT.npz'}, (0,),
                                  after='bert'),
    'beside_the_truth': transformer('compare_to_truth', last_divergences, seeds=(0,)),
    'text': Row('–', 'ch07.generate_text', lambda text: {'text': text}, {'params': '{out}/rnnlm/0/Rnnlm.npz'}, (0,),
                after='rnnlm', quoted=True),
    'better_text': Row('–', 'ch07.generate_better_text', lambda texts: {'text': '\n'.join(texts)},
                       {'params': '{out}/better_rnnlm/0/BetterRnnlm.npz'}, (0,), after='better_rnnlm',
                       quoted=True),
}

# task: title, {variant: label}
CHARTS = {'addition': ('learning to add', {'plain': 'plain', 'reversed': 'reversed', 'peeky': 'reversed + peeky'}),
          'dates': ('learning to write dates', {'attention': 'attention', 'peeky': 'peeky', 'plain': 'plain'})}


# The chapters' pages, and what stands around the table in each.
PAGES = Path(__file__).resolve().parent.parent
BEGIN = '<!-- results: written by python -m tests.reproduce --table -->'
END = '<!-- end of results -->'
HEAD = '| row | book | ours: minimum / median / maximum of the seeds | command | time |\n' + '| --- ' * 5 + '|'


# ---------------------------------------------------------------- running


@contextlib.contextmanager
def inside(folder, data):
    """In this folder, with this data folder, without windows; what is printed goes to log.txt there."""
    place, environment = Path.cwd(), dict(os.environ)
    os.chdir(folder)
    os.environ.update(DLFS2_DATA=str(data), MPLBACKEND='agg')
    try:
        with open('log.txt', 'a', encoding='utf-8', buffering=1) as log, contextlib.redirect_stdout(log):
            yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(place)


def write_json(path, content):
    """Whole or not at all."""
    with storage.replacing(path) as file:
        file.write(json.dumps(content, indent=1).encode() + b'\n')


def folder_of(name, seed, out):
    return out / name / ('run' if seed is None else str(seed))


def filled(flags, **places):
    return {flag: value.format(**places) if isinstance(value, str) else value for flag, value in flags.items()}


def command(name, seed=None, **flags):
    """What a reader types for this row."""
    flags = {**filled(ROWS[name].flags, data='DATA', out='OUT'), **({} if seed is None else {'seed': seed}), **flags}
    words = [f'--{flag.replace("_", "-")}' + ('' if value is True else f' {value}') for flag, value in flags.items()]
    return ' '.join(['python -m', ROWS[name].script, *words])


def result_in(folder):
    """What result.json holds, None where there is none."""
    path = folder / 'result.json'
    if not path.exists():
        return None
    with storage.refusing(path):
        result = json.loads(path.read_bytes())
        return {'seconds': float(result['seconds']), 'measured': dict(result['measured'])}


def run(name, seed, out, **smaller):
    """The result of a row with this seed: what result.json holds, else what a run gives. smaller: flags that differ.

    OSError where the data, or another row's weights, are not at hand; ValueError for a result.json that is damaged.
    """
    row, data, out = ROWS[name], files.folder(), out.resolve()
    folder = folder_of(name, seed, out)
    if found := result_in(folder):
        return found
    if row.after and not result_in(folder_of(row.after, seed or 0, out)):
        raise FileNotFoundError(f'{row.after}, whose weights it takes, has not been run to its end')
    if row.needs not in ('', OWN) and not (data / row.needs).exists():
        raise FileNotFoundError(f'{data / row.needs} is not at hand')
    folder.mkdir(parents=True, exist_ok=True)
    flags = {**filled(row.flags, data=data, out=out), **({} if seed is None else {'seed': seed}), **smaller}
    sittings = folder / 'seconds.json'          # what each took, of a run that goes on where it was stopped
    seconds = json.loads(sittings.read_text()) if sittings.exists() else []
    start = time.perf_counter()
    try:
        with inside(folder, folder if row.needs == OWN else data):
            measured = row.measure(importlib.import_module(row.script).main(**flags))
    finally:
        seconds.append(time.perf_counter() - start)
        if flags.get('resume'):
            write_json(sittings, seconds)
    result = {'command': command(name, seed, **smaller), 'seconds': sum(seconds),
              'date': datetime.date.today().isoformat(), 'measured': measured}
    write_json(folder / 'result.json', result)
    return result


# ---------------------------------------------------------------- showing


def results_of(name, out):
    """Those that are there, a list."""
    results = [result_in(folder_of(name, seed, out)) for seed in ROWS[name].seeds]
    return [result for result in results if result]


def middle(numbers, digits):
    """minimum / median / maximum, or the one or two that there are."""
    values = (min(numbers), median(numbers), max(numbers)) if len(numbers) > 2 else sorted(numbers)
    return ' / '.join(f'{value:.{digits}f}' for value in values)


def shown(name, results):
    """A row's values over the seeds: of words and texts the first seed's, of curves the median at each epoch."""
    parts = []
    for what, first in results[0]['measured'].items():
        values = [result['measured'][what] for result in results]
        if isinstance(first, int | float):
            digits = 0 if isinstance(first, int) else 2 if max(map(abs, values)) >= 0.1 else 4
            text = f'{what} {middle(values, digits)}' + ' %' * ('accuracy' in what)
        elif isinstance(first, str) and what != 'text':
            text = f'{what}: {" / ".join(values)}'
        elif isinstance(first, str):
            text = first.replace('\n', ' ')
        elif isinstance(first[0], str):
            text = f'{what}: {", ".join(first)}'
        else:
            medians, step = [median(epoch) for epoch in zip(*values, strict=True)], 1 if len(first) <= 10 else 5
            text = f'{what.replace("each", "every fifth") if step > 1 else what}: ' + ', '.join(
                f'{value:.1f}' for value in medians[step - 1::step])
        parts.append(text)
    return '; '.join(parts)


def line_of(name, results):
    """The row as a line of the table."""
    seconds = median(result['seconds'] for result in results)
    wall = f'{seconds:.0f} s' if seconds < 100 else f'{seconds / 60:.0f} min'
    n = len(ROWS[name].seeds)
    missing = f' ({len(results)} of {n} seeds)' if len(results) < n else ''
    return f'| {name} | {ROWS[name].book} | {shown(name, results)}{missing} | `{command(name)}` | {wall} |'


def package(name):
    """That of a row's script: 'ch01', 'ch01.volume1'."""
    return ROWS[name].script.rpartition('.')[0]


def rows_of(chapter):
    """The names of the rows on a chapter's page. Texts that a model wrote are quoted there by hand, cut short."""
    return [name for name, row in ROWS.items() if package(name) == chapter and not row.quoted]


def lines_in(page):
    """The table of a page's text as row -> line; ValueError where there is none."""
    if BEGIN not in page or END not in page:
        raise ValueError(f'page: a text without a place for its results came; expected the lines {BEGIN} and {END}')
    table = page.split(BEGIN)[1].split(END)[0]
    return {line.split('|')[1].strip(): line for line in table.splitlines() if line}


def with_lines(page, chapter, lines):
    """The text of a chapter's page with these lines (row -> line) in its table, and its own for the other rows."""
    lines = lines_in(page) | lines
    table = '\n'.join([HEAD, *(lines[name] for name in rows_of(chapter) if name in lines)])
    return page.split(BEGIN)[0] + f'{BEGIN}\n\n{table}\n\n{END}' + page.split(END)[1]


def write_pages(lines):
    """Put the lines (row -> line) into the pages of their chapters."""
    for chapter in sorted({package(name) for name in lines}):
        path = PAGES.joinpath(*chapter.split('.'), 'README.md')
        page = with_lines(path.read_text(encoding='utf-8'), chapter, lines)
        path.write_text(page, encoding='utf-8', newline='\n')
        print(f'page: {path}')


def draw_charts(out):
    """The accuracies of the models of one task in one picture: at each epoch the median of the seeds that are there."""
    import matplotlib
    matplotlib.use('agg')
    import matplotlib.pyplot as plt

    for task, (title, labels) in CHARTS.items():
        for data in ('', '_own'):
            curves = {}
            for model, label in labels.items():
                if results := results_of(f'{task}_{model}{data}', out):
                    epochs = zip(*(result['measured']['after each epoch'] for result in results), strict=True)
                    curves[label] = [median(epoch) / 100 for epoch in epochs]
            if curves:
                plot_accuracies(curves, title, ANSWERED)
                path = out / f'{task}{data}.png'
                plt.savefig(path)
                plt.close()
                print(f'picture: {path}')


def main(argv=None):
    parser = argparse.ArgumentParser(prog='python -m tests.reproduce', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('rows', nargs='*', metavar='ROW', help=f'of {", ".join(ROWS)} (default: all)')
    parser.add_argument('--out', metavar='OUT', default='reproduced', help='folder of all runs (default: reproduced)')
    parser.add_argument('--table', action='store_true', help="only write what is there into the chapters' pages")
    args = parser.parse_args(argv)
    if unknown := set(args.rows) - set(ROWS):
        parser.error(f'no such row: {", ".join(sorted(unknown))}')
    names, out = args.rows or list(ROWS), Path(args.out)
    lines = {}

    def keep_line(name):
        if results := results_of(name, out):
            lines[name] = line_of(name, results)
            print(lines[name], flush=True)

    print(HEAD)
    failed = False
    for name in names:
        runs = [] if args.table else [partial(run, name, seed, out) for seed in ROWS[name].seeds]
        for job in [*runs, partial(keep_line, name)]:
            try:
                job()
            except KeyboardInterrupt:
                print('stopped; the same command goes on from there', file=sys.stderr)
                return 130
            except Exception as error:      # the others are not to wait for a mistake in this one
                failed = True
                if isinstance(error, OSError | InputError):
                    print(f'{name}: left out: {error}', file=sys.stderr)
                else:
                    traceback.print_exc()
    if args.table:
        write_pages(lines)
        draw_charts(out)
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
