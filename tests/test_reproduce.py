"""tests.reproduce: the small rows with smaller sizes, what is kept and left out, and the table."""
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ch04.eval import ANALOGIES, QUERIES
from ch07.seq2seq import Seq2seq
from tests import reproduce

OUT = Path('out')


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    monkeypatch.setenv('DLFS2_DATA', str(tmp_path / 'data'))


@pytest.fixture(autouse=True)
def pages(monkeypatch, tmp_path_factory):
    """The folder of the chapters' pages, empty of results: not the real one."""
    folder = tmp_path_factory.mktemp('pages')
    for chapter in range(1, 9):
        (folder / f'ch0{chapter}').mkdir()
        page = f'# Chapter {chapter} 한국어\n\n{reproduce.BEGIN}\n{reproduce.END}\n\n| more | text |\n'
        (folder / f'ch0{chapter}' / 'README.md').write_text(page, encoding='utf-8')
    monkeypatch.setattr(reproduce, 'PAGES', folder)
    return folder


def test_spiral():
    result = reproduce.run('spiral', 1, OUT, max_epoch=100)
    folder = OUT / 'spiral' / '1'
    assert json.loads((folder / 'result.json').read_text()) == result
    log = (folder / 'log.txt').read_text(encoding='utf-8')
    assert log.count('| epoch 100 |') == 1 and (folder / 'ch01_train_loss.png').is_file()
    last = float(log.split('| epoch 100 |')[1].split('loss ')[1].split()[0])
    assert result['measured'] == {'loss': pytest.approx(last, abs=0.006)} and last < 0.6        # from log 3 = 1.1
    assert result['command'] == 'python -m ch01.train --seed 1 --max_epoch 100'.replace('max_', 'max-')
    assert 0 < result['seconds'] < 60
    assert os.listdir() == ['out']      # nothing else, and back where it began


def test_what_is_there_is_not_run_again(capsys):
    result = reproduce.run('simple_cbow', 0, OUT, max_epoch=60)
    assert result['measured']['loss'] < 1.95        # log 7 = 1.95
    again = reproduce.run('simple_cbow', 0, OUT, max_epoch=1000)
    assert again == {name: result[name] for name in ('seconds', 'measured')}
    assert reproduce.main(['simple_cbow', '--out', 'out', '--table']) == 0
    loss = result['measured']['loss']
    assert capsys.readouterr().out.splitlines()[2].startswith(
        f'| simple_cbow | loss well below 1 | loss {loss:.2f} (1 of 3 seeds) | `python -m ch03.train` | ')


@pytest.mark.slow
def test_own_data_and_a_seed():
    result = reproduce.run('addition_reversed_own', 2, OUT, max_epoch=1, hidden_size=4, batch_size=1500)
    assert result['measured']['after each epoch'] == [result['measured']['accuracy']]
    folder = OUT / 'addition_reversed_own' / '2'
    Seq2seq(13, 16, 4).load_params(folder / 'Seq2seq.npz')
    assert '| epoch 1 |' in (folder / 'log.txt').read_text(encoding='utf-8')


def test_what_is_not_at_hand_is_left_out(capsys):
    names = ['book_rnnlm', 'addition_plain', 'text']
    (OUT / 'rnnlm' / '0').mkdir(parents=True)
    (OUT / 'rnnlm' / '0' / 'Rnnlm.npz').touch()         # of a training that was stopped
    assert reproduce.main([*names, '--out', 'out']) == 1
    err = capsys.readouterr().err
    for name, missing in zip(names, ('Rnnlm.pkl', 'addition.txt', 'rnnlm, whose weights'), strict=True):
        assert f'{name}: left out: ' in err and missing in err
    assert not list(OUT.glob('*/*/result.json'))


def test_a_mistake_in_one_row_does_not_stop_the_others(monkeypatch, capsys):
    wrong = reproduce.ROWS['spiral']._replace(measure=lambda trainer: 1 / 0, flags={'max_epoch': 1}, seeds=(0,))
    right = reproduce.ROWS['simple_cbow']._replace(flags={'max_epoch': 2}, seeds=(0,))
    monkeypatch.setattr(reproduce, 'ROWS', {'spiral': wrong, 'simple_cbow': right})
    assert reproduce.main(['--out', 'out']) == 1
    printed = capsys.readouterr()
    assert 'ZeroDivisionError' in printed.err and '| simple_cbow |' in printed.out
    assert not (OUT / 'spiral' / '0' / 'result.json').exists()


def test_a_damaged_result_is_named_and_the_others_are_shown(capsys):
    write('spiral', 1, 3, loss=0.25)
    for content in ('', '{}', '[]', '{"seconds": 1}', '{"seconds": "x", "measured": {}}'):
        path = OUT / 'simple_cbow' / '2' / 'result.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        assert reproduce.main(['simple_cbow', 'spiral', '--out', 'out', '--table']) == 1
        printed = capsys.readouterr()
        assert f'simple_cbow: left out: {path} is refused' in printed.err and 'Traceback' not in printed.err
        assert '| loss 0.25 (1 of 3 seeds) |' in printed.out


def test_ctrl_c(monkeypatch, capsys):
    def stop(*args, **flags):
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, 'run', stop)
    assert reproduce.main(['spiral', '--out', 'out']) == 130
    assert capsys.readouterr().err == 'stopped; the same command goes on from there\n'


def test_sittings_of_a_run_that_goes_on_are_added_up(monkeypatch):
    folder = OUT / 'better_rnnlm' / '0'
    folder.mkdir(parents=True)
    (folder / 'seconds.json').write_text('[1000, 2000]')

    def main(max_epoch, resume, seed):
        assert (max_epoch, resume, seed) == (10, True, 0)
        raise KeyboardInterrupt

    module = reproduce.importlib.import_module('ch06.train_better_rnnlm')
    monkeypatch.setattr(module, 'main', main)
    with pytest.raises(KeyboardInterrupt):
        reproduce.run('better_rnnlm', 0, OUT)
    assert len(json.loads((folder / 'seconds.json').read_text())) == 3
    trainer = type('Trainer', (), {'valid_list': [200.0, 150.0]})
    monkeypatch.setattr(module, 'main', lambda **flags: (trainer, 140.0))
    result = reproduce.run('better_rnnlm', 0, OUT)
    assert 3000 < result['seconds'] < 3060
    assert result['measured'] == {'test perplexity': 140, 'valid perplexity after each epoch': [200, 150]}


def write(name, seed, seconds, **measured):
    folder = OUT / name / str(seed)
    folder.mkdir(parents=True)
    (folder / 'result.json').write_text(json.dumps({'seconds': seconds, 'measured': measured}))


def test_table_has_minimum_median_and_maximum(capsys):
    for seed, loss, place, words in ((0, 1.5, 3, ['we', 'i']), (1, 1.0, 9, ['they']), (2, 1.25, 1, ['you'])):
        write('cbow', seed, 100 + seed, **{'loss': loss, 'place of woman': place, 'you': words})
    for seed, shares in ((0, [0, 50]), (1, [1, 20]), (2, [5, 90])):
        write('addition_peeky', seed, 60 * 100, **{'accuracy': shares[-1], 'after each epoch': shares})
    write('addition_plain', 0, 1, **{'accuracy': 12, 'after each epoch': list(range(1, 13))})
    for seed, perplexity in ((0, 6.0), (2, 5.5)):
        write('simple_rnnlm', seed, 1, perplexity=perplexity)
    names = ['cbow', 'addition_peeky', 'addition_plain', 'simple_rnnlm', 'rnnlm']
    assert reproduce.main([*names, '--table', '--out', 'out']) == 0
    header, _, first, second, third, fourth, *rest = capsys.readouterr().out.split('\n')
    assert '| loss 1.00 / 1.25 / 1.50; place of woman 1 / 3 / 9; you: we, i | `python -m ch04.train` | 2 min |' in first
    assert '| accuracy 20 / 50 / 90 %; after each epoch: 1.0, 50.0 |' in second and '| 100 min |' in second
    assert '`python -m ch07.train_seq2seq --reverse --peeky`' in second
    assert '| accuracy 12 %; after every fifth epoch: 5.0, 10.0 (1 of 3 seeds) |' in third
    assert '| perplexity 5.50 / 6.00 (2 of 3 seeds) |' in fourth
    assert header.count('|') == first.count('|') == 6
    assert [line.split(':')[0] for line in rest] == ['page', 'page', 'page', 'picture', '']
    assert rest[3] == f'picture: {OUT / "addition.png"}' and (OUT / 'addition.png').stat().st_size > 5000


def test_the_table_goes_into_the_pages_of_the_chapters(pages):
    write('addition_peeky', 0, 60, **{'accuracy': 90.0, 'after each epoch': [90.0]})
    write('cbow', 0, 60, loss=1.5)
    write('rnnlm', 0, 60, **{'test perplexity': 135.0})
    write('text', 0, 1, text='words that a model wrote')
    assert reproduce.main(['text', 'addition_peeky', 'cbow', '--table', '--out', 'out']) == 0
    assert (pages / 'ch04' / 'README.md').read_text(encoding='utf-8') == (
        '# Chapter 4 한국어\n\n'
        '<!-- results: written by python -m tests.reproduce --table -->\n\n'
        '| row | book | ours: minimum / median / maximum of the seeds | command | time |\n'
        '| --- | --- | --- | --- | --- |\n'
        f'| cbow | {reproduce.ROWS["cbow"].book} | loss 1.50 (1 of 3 seeds) | `python -m ch04.train` | 60 s |\n\n'
        '<!-- end of results -->\n\n| more | text |\n')
    additions = (pages / 'ch07' / 'README.md').read_text(encoding='utf-8')
    assert '| addition_peeky | near 100 % | accuracy 90.00 %; after each epoch: 90.0 (1 of 3 seeds) |' in additions
    assert 'words that' not in additions
    for untouched in ('ch01', 'ch06', 'ch08'):
        assert '| row |' not in (pages / untouched / 'README.md').read_text(encoding='utf-8')


def test_a_row_that_was_not_run_keeps_its_line(pages):
    path = pages / 'ch06' / 'README.md'
    write('rnnlm', 0, 60, **{'test perplexity': 135.0})
    write('book_rnnlm', 'run', 3, **{'test perplexity': 136.0})
    assert reproduce.main(['--table', '--out', 'out']) == 0
    before = path.read_text(encoding='utf-8')
    (OUT / 'book_rnnlm' / 'run' / 'result.json').unlink()
    write('rnnlm', 1, 60, **{'test perplexity': 137.0})
    write('better_rnnlm', 0, 60, **{'test perplexity': 80.0})
    assert reproduce.main(['--table', '--out', 'out']) == 0
    table = path.read_text(encoding='utf-8').split(reproduce.BEGIN)[1].split('\n')[2:7]
    assert [line.split(' | ')[0] for line in table[2:]] == ['| rnnlm', '| book_rnnlm', '| better_rnnlm']
    assert table[3] in before and '| test perplexity 136.00 |' in table[3]
    assert table[2] not in before and '| test perplexity 135.00 / 137.00 (2 of 3 seeds) |' in table[2]


def test_a_page_without_a_place_for_results_is_told():
    with pytest.raises(ValueError, match=f'page: .* expected the lines {reproduce.BEGIN} and {reproduce.END}'):
        reproduce.lines_in(f'# Chapter 1\n{reproduce.BEGIN}\n')


def test_neighbours_and_places_by_hand():
    words = [*QUERIES, 'near', *{word for analogy in ANALOGIES for word in analogy}]
    word_to_id = {word: i for i, word in enumerate(words)}
    vecs = np.random.RandomState(0).randn(len(words), 40).astype('f')
    vecs[word_to_id['near']] = 3 * vecs[word_to_id['year']]
    vecs[word_to_id['woman']] = vecs[word_to_id['man']] - vecs[word_to_id['king']] + vecs[word_to_id['queen']]
    vecs[word_to_id['went']] = -vecs[word_to_id['took']] + vecs[word_to_id['take']] - vecs[word_to_id['go']]
    found = reproduce.word_vectors((vecs, word_to_id, dict(enumerate(words))))
    assert found['year'][0] == 'near' and len(found['year']) == 5 and 'year' not in found['year']
    assert found['place of woman'] == 1
    assert found['place of went'] == len(words) - 3         # the last, for a, b and c are left out


def test_unknown_rows_are_refused(capsys):
    with pytest.raises(SystemExit):
        reproduce.main(['spirals'])
    assert 'no such row: spirals' in capsys.readouterr().err
