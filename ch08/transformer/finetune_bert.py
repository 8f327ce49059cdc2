"""What BERT learnt of a language by itself helps where labels are few: it tells sentences from what is none.

In each sentence of the toy language one word is swapped for another form of it, as `the girls go` becomes `the girl
go`; sometimes it still is a sentence, as with `the cars` for `the car`. The grammar says which. From 500 of them, half
and half, a BERT that was trained by train_bert learns to tell, and beside it one that begins from nothing.
"""
from typing import Annotated

import numpy

from ch08.transformer.bert import BERTClassifier, BERTEncoder, load_bert
from common.callbacks import WarmupCosine
from common.checks import InputError
from common.cli import FROM_0, SEEDS, run
from common.evaluation import accuracy, not_training
from common.figures import pyplot, show
from common.np import np, to_cpu
from common.optimizer import AdamW
from common.trainer import Trainer
from dataset import toy
from dataset.files import find_weights

# Lists of words in the grammar, or words, that are forms of one another: the first of each, the second …
FORMS = """
TAKE TOOK TAKES | GO WENT GOES | COME CAME COMES | EAT ATE EATS | DRINK DRANK DRINKS | WRITE WROTE WRITES | SEE SAW SEES
PERSON PEOPLE | JOB JOBS | CAR CARS | ANIMAL ANIMALS | KING KINGS | QUEEN QUEENS | YEAR YEARS
FAST FASTER | GOOD BETTER | COLD COLDER | this these | his her
"""


def main(
    # model
    params: Annotated[str | None, 'the file of ch08/transformer/train_bert; none: looked for'] = None,
    # data
    train_size: Annotated[int, 'sentences with labels to learn from'] = 500,
    test_size: Annotated[int, 'sentences to test on'] = 2000,
    # training
    batch_size: Annotated[int, 'sentences in one step'] = 25,
    max_epoch: Annotated[int, 'passes over the sentences', FROM_0] = 20,
    learning_rate: Annotated[float, "the highest of AdamW's step sizes, after a warm-up; then down to 0"] = 0.0003,
    # chance
    seeds: Annotated[int, 'how often all is run, each time with other sentences to learn from'] = 3,
    seed: Annotated[int, 'the first of the seeds', SEEDS] = 0,
):
    """Train and draw; returns the test accuracies: way of learning -> a list for each seed, a number an epoch."""
    bert, weights = load_bert(params or find_weights('BERT', made_by='ch08.transformer.train_bert'))
    if weights.about.get('corpus') != 'toy':
        raise InputError(f'params: expected a BERT of the toy language, got one of '
                         f'{weights.about.get("corpus")!r:.60}')
    sentences, labels = labelled_sentences('test', test_size)
    x_test, t_test = as_arrays(sentences, labels)

    curves: dict = {'from scratch': [], 'pretrained': []}
    for i in range(seeds):
        data_seed = (seed + i) % len(SEEDS)
        x, t = as_arrays(*labelled_sentences('train', train_size, data_seed, without=sentences))
        for way, runs in curves.items():
            np.random.seed(data_seed)
            encoder = BERTEncoder(**bert.sizes)
            if way == 'pretrained':
                for param, learnt in zip(encoder.params, bert.encoder.params, strict=True):
                    param[...] = learnt
            model = BERTClassifier(encoder)
            runs.append(learn(model, x, t, x_test, t_test, max_epoch, batch_size, learning_rate))
            print(f'{way}, seed {data_seed}: ' + (f'{runs[-1][-1]:.2%} right' if runs[-1] else 'not trained'))
    show_answers(model, sentences, labels, x_test)
    draw(curves, f'is it a sentence? {train_size:,} with labels to learn from')
    show('ch08_transformer_finetune_bert')
    return curves


def other_forms():
    """word -> its other forms, a list."""
    rules = toy.parse_grammar()
    found = {}
    for group in FORMS.replace('\n', '|').strip('|').split('|'):
        lists = [[s[0] for _, s in rules[name] if s[0] not in rules] if name in rules else [name]
                 for name in group.split()]
        for words in zip(*lists, strict=False):         # `windy`, a last one, has no other form
            found.update({word: [other for other in words if other != word] for word in words})
    return found


def labelled_sentences(part, size, seed=0, without=()):
    """size sentences with one word in another form, lists of words, all different; and labels, 1 where it is a sentence
    of the toy language, else 0, half and half.

    part: see toy.load_data. without: sentences that are not to be among them.
    """
    random, forms = numpy.random.RandomState([seed, 13]), other_forms()
    _, id_to_word = toy.load_vocab()
    seen, found = {tuple(words) for words in without}, []
    wanted = [size // 2, size - size // 2]          # of each label
    for draw_seed in random.randint(2**31, size=100):
        corpus, _, _ = toy.load_data(part, 4 * size, int(draw_seed))
        for sentence in ' '.join(id_to_word[i] for i in corpus.tolist()).split(' <eos>')[:-1]:
            words = sentence.split()
            places = [i for i, word in enumerate(words) if word in forms]
            if not places:
                continue
            place = places[random.randint(len(places))]
            others = forms[words[place]]
            words[place] = others[random.randint(len(others))]
            label = int(toy.derives(words))
            if tuple(words) not in seen and wanted[label]:
                seen.add(tuple(words))
                wanted[label] -= 1
                found.append((words, label))
        if not any(wanted):
            sentences, labels = zip(*found, strict=True)
            return list(sentences), list(labels)
    raise InputError(f'size: expected no more sentences than the toy language has, got {size}')


def as_arrays(sentences, labels):
    """Ids (N, T), filled up with `<eos>`, and labels (N,)."""
    word_to_id, _ = toy.load_vocab()
    x = numpy.full((len(sentences), max(map(len, sentences))), word_to_id['<eos>'])
    for row, words in zip(x, sentences, strict=True):
        row[:len(words)] = [word_to_id[word] for word in words]
    return x, numpy.array(labels)


def learn(model, x_train, t_train, x_test, t_test, max_epoch, batch_size, learning_rate):
    """Train with AdamW; returns the test accuracy after each epoch."""
    def test(trainer):
        trainer.valid_list.append(accuracy(model, x_test, t_test))

    total = max_epoch * (len(x_train) // batch_size)
    trainer = Trainer(model, AdamW(learning_rate), [test], WarmupCosine(learning_rate, total // 10, max(total, 1)))
    trainer.fit(x_train, t_train, max_epoch, batch_size, max_grad=1.0, eval_interval=None)
    return trainer.valid_list


def show_answers(model, sentences, labels, x, n=6):
    """Print the first sentences, whether the model takes each for one, and a ✗ where it is wrong."""
    with not_training(model):
        answers = to_cpu(model.predict(x[:n])).argmax(axis=1)
    width = max(len(' '.join(words)) for words in sentences[:n])
    for words, label, answer in zip(sentences, labels, answers, strict=False):
        print(f'{" ".join(words):{width}} | {"a sentence" if answer else "none"}{" ✗" if answer != label else ""}')


def draw(curves, title):
    """Each way's mean over its runs, in a band from the least to the most of them."""
    from matplotlib.ticker import MaxNLocator

    plt = pyplot()
    for way, runs in curves.items():
        shares = 100 * numpy.array(runs)                # (seeds, epochs)
        epochs = numpy.arange(1, shares.shape[1] + 1)
        ending = f', at the end {shares[:, -1].mean():.1f} %' if shares.size else ''
        line, = plt.plot(epochs, shares.mean(axis=0), 'o-', markersize=3, label=way + ending)
        plt.fill_between(epochs, shares.min(axis=0), shares.max(axis=0), color=line.get_color(), alpha=0.2)
    plt.axhline(50, color='gray', linestyle='--', label='by guessing')
    plt.title(title)
    plt.xlabel('epoch')
    plt.ylabel('right answers on test sentences (%)')
    plt.gca().xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    plt.grid(True)
    plt.legend()


if __name__ == '__main__':
    run(main, parallel=True)
