"""Learn to write dates as ISO dates (book, 8.2 and 8.3): `september 27, 1994` is to become `1994-09-27`.

The questions are read backwards. With attention nearly every answer is right after two or three passes over the
data; --model peeky comes there later, --model seq2seq hardly at all. --model bi, bahdanau and deep are attention in
other forms (8.4). --file-name learns from questions and answers of your own, a line `question_answer` each. It leaves
behind the weights, a chart of the accuracy and, with attention, a picture of where the model looked.
"""
from pathlib import Path
from typing import Annotated, Literal

from ch07.peeky_seq2seq import PeekySeq2seq
from ch07.seq2seq import Seq2seq
from ch07.train_seq2seq import ANSWERED, learn
from ch08 import visualize_attention
from ch08.visualize_attention import draw_attention
from common.cli import FROM_0, SEEDS, run
from common.figures import plot_training, show
from common.np import np
from dataset import sequence

MODELS = {**visualize_attention.MODELS, 'seq2seq': Seq2seq, 'peeky': PeekySeq2seq}


def main(
    # model
    model: Annotated[Literal['attention', 'seq2seq', 'peeky', 'bi', 'bahdanau', 'deep'],
                     'which model is trained'] = 'attention',
    wordvec_size: Annotated[int, 'numbers in the vector of a character'] = 16,
    hidden_size: Annotated[int, 'units of encoder and decoder each'] = 256,
    forget_bias: Annotated[float, "first bias of the LSTMs' forget gates; with 1 they remember from the start"] = 0.0,
    # data
    file_name: Annotated[str, 'date.txt, addition.txt or the path of a file of such lines'] = 'date.txt',
    # training
    batch_size: Annotated[int, 'examples in one step'] = 128,
    max_epoch: Annotated[int, 'passes over the training data', FROM_0] = 10,
    max_grad: Annotated[float | None, 'norm to which larger gradients are scaled down'] = 5.0,
    # answers
    beam_size: Annotated[int, 'answers followed side by side; 1 takes the likeliest character each time'] = 1,
    # files
    resume: Annotated[bool, 'go on from the checkpoint that each epoch leaves'] = False,
    # chance
    seed: Annotated[int | None, 'of weights and batches; none: what the seed of the data, 1984, leaves', SEEDS] = None,
):
    """Train, save and draw; returns the model and its accuracy after each epoch."""
    flags = dict(locals())
    train_data, test_data = sequence.load_data(file_name)
    char_to_id, _ = sequence.get_vocab()
    if seed is not None:
        np.random.seed(seed)

    network = MODELS[model](len(char_to_id), wordvec_size, hidden_size, forget_bias=forget_bias)
    trainer = learn(network, train_data, test_data, flags, True, max_epoch, batch_size, max_grad, beam_size, resume)
    plot_training(trainer, f'{type(network).__name__} learns {Path(file_name).name}, read backwards', ANSWERED)
    show('ch08_train_accuracy', keep=True)
    if model in visualize_attention.MODELS:
        x_test, t_test = test_data
        draw_attention(network, x_test[:5], t_test[:5])
        show('ch08_train_attention', keep=True)
    return network, trainer.valid_list


if __name__ == '__main__':
    run(main, parallel=True)
