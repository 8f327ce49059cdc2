"""Let the better language model write, and go on with a sentence that is given (book, 7.1)."""
from ch07.generate_text import write_text
from ch07.rnnlm_gen import BetterRnnlmGen
from common.cli import run
from common.np import np
from dataset.corpus import load_data
from dataset.files import find_weights


def main(corpus='ptb', params: str | None = None, start='you', sentence='the meaning of life is', sample_size=100,
         temperature=1.0, top_k: int | None = None, hidden_size=650, seed: int | None = None):
    """
    corpus: the one that the model was trained on: ptb, toy or the path of a text file
    params: the file of ch06/train_better_rnnlm; looked for when not given
    start: the first word of the first text
    sentence: how the second text begins
    sample_size: length of the text in words
    """
    _, word_to_id, id_to_word = load_data(corpus)
    if seed is not None:
        np.random.seed(seed)
    model = BetterRnnlmGen(len(word_to_id), hidden_size, hidden_size)
    model.load_params(params or find_weights('BetterRnnlm', 'ch06'))
    texts = []
    for beginning in (start, sentence):
        texts.append(write_text(model, beginning, word_to_id, id_to_word, sample_size, temperature, top_k))
        print(texts[-1])
        print('-' * 50)
    return texts


if __name__ == '__main__':
    run(main)
