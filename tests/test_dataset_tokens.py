"""dataset.tokens, dataset.encodings: texts of four languages, from lines to words and back."""
import os
from pathlib import Path

import pytest

from dataset import corpus, tokens
from dataset.corpus_file import open_corpus
from dataset.encodings import likely_encoding

ENGLISH = 'The "statement," he said: don\'t pay $3,000.50 -- it\'s well-known ...\n'
JAPANESE = '昨日、猫が魚を食べました。「魚はおいしい」と言った。\n'
KOREAN = '나는 학교에 갔다. "나는 밥을 먹었다!"\n'
CHINESE = '昨天小猫吃了鱼，我喜欢学习。他说：“这是我们的书！”\n'


def test_words_and_signs():
    assert tokens.words_of(ENGLISH) == ['the', '"', 'statement', ',', '"', 'he', 'said', ':', "don't", 'pay', '$',
                                        '3,000.50', '--', "it's", 'well-known', '...']
    assert tokens.words_of('<unk>, yes,no x² 10:30 «é» u.s. <b>') == [
        '<unk>', ',', 'yes', ',', 'no', 'x²', '10:30', '«', 'é', '»', 'u.s.', '<', 'b', '>']
    assert tokens.words_of('At 8 a.m., j.r.r. 3.14. x.y z. e.g.') == [
        'at', '8', 'a.m.', ',', 'j.r.r.', '3.14', '.', 'x', '.', 'y', 'z', '.', 'e.g.']
    assert tokens.words_of(KOREAN) == ['나는', '학교에', '갔다', '.', '"', '나는', '밥을', '먹었다', '!', '"']
    assert tokens.words_of('「猫」が、好き！ ラーメン・人々') == [
        '「', '猫', '」', 'が', '、', '好き', '！', 'ラーメン', '・', '人々']
    assert tokens.words_of('हिन्दी, cafe\u0301 ok😀') == [
        'हिन्दी', ',', 'cafe\u0301', 'ok', '😀']     # marks part no word
    assert tokens.parted_by_blanks(' A b,\t C') == ['a', 'b,', 'c']
    assert tokens.characters_of(' A b, ') == [' ', 'A', ' ', 'b', ',']
    with pytest.raises(ValueError, match=r"^tokens: expected one of words, blanks, characters, ja, ko, zh, got 'de'$"):
        tokens.splitter('de')


@pytest.mark.parametrize('how, package, line, expected', [
    ('ja', 'sudachipy', JAPANESE, '昨日 、 猫 が 魚 を 食べ まし た 。 「 魚 は おいしい 」 と 言っ た 。'),
    ('ko', 'kiwipiepy', KOREAN, '나 -는 학교 -에 갔 -다 . " 나 -는 밥 -을 먹 -었 -다 ! "'),
    ('zh', 'rjieba', CHINESE, '昨天 小猫 吃 了 鱼 ， 我 喜欢 学习 。 他 说 ： “ 这是 我们 的 书 ！ ”')])
def test_tokenizers(how, package, line, expected):
    pytest.importorskip(package, reason=f'dlfs2[{how}]')
    split = tokens.splitter(how)
    assert split(line) == expected.split()
    text = line.strip() * 3000      # longer than a tokenizer takes at once
    assert ''.join(word.removeprefix('-') for word in split(text)) == text.replace(' ', '')
    if how != 'ko':
        assert tokens.joined(split(line), how) == line.strip()


def test_korean_comes_back_as_it_was_written():
    pytest.importorskip('kiwipiepy', reason='dlfs2[ko]')
    line = '2019년 2월 21일, 인공지능과 자연어 처리는 제1장이다. k-pop을 오리는 모른다. “왜 우세요?” 하고 물었다.'
    cut = tokens.splitter('ko')(line)
    assert tokens.joined(cut, 'ko') == line and not any(' ' in word for word in cut)
    assert cut[:6] == ['2019', '-년', '2', '-월', '21', '-일']


def test_a_text_is_parted_once_for_all_its_parts(monkeypatch):
    lines = []
    monkeypatch.setitem(tokens.TOKENIZERS, 'ja', ('', lambda: lambda line: lines.append(line) or list(line)))
    Path('my.txt').write_text('あい\n' * 8 + 'うえ\n' * 2, encoding='utf-8')
    assert len(corpus.load_data('my.txt', tokens='ja')[0]) == 24
    count = len(lines)
    assert [len(corpus.load_data('my.txt', part, tokens='ja')[0]) for part in ('valid', 'test')] == [3, 3]
    assert len(lines) == count
    Path('my.txt').write_text('あう\n' * 8 + 'うえ\n' * 2, encoding='utf-8')       # as long as before
    os.utime('my.txt', (9, 9))
    assert corpus.load_data('my.txt', tokens='ja')[1].keys() == {'あ', 'う', '<eos>', '<unk>'}
    count = len(lines)
    Path('my.txt').write_text('あ\n' * 10, encoding='utf-8')
    assert len(corpus.load_data('my.txt', tokens='ja')[0]) == 16 and len(lines) > count


def test_a_tokenizer_that_is_missing(monkeypatch):
    def missing():
        raise ImportError

    monkeypatch.setitem(tokens.TOKENIZERS, 'ja', ('sudachipy sudachidict-small', missing))
    with pytest.raises(ValueError, match=r"^tokens: .* 'ja' .*: pip install sudachipy sudachidict-small$"):
        tokens.splitter('ja')


def test_words_as_a_text():
    assert tokens.joined(tokens.parted_by_blanks('the cat , he said ( no ) . <eos> a')) == 'the cat, he said (no).\na'
    quoted = tokens.joined(tokens.parted_by_blanks('he said : " no . " and " <eos> " a'))
    assert quoted == 'he said: "no." and "\n"a'
    assert tokens.joined(['a', 'b', '<eos>', 'c', '<eos>'], 'blanks', '.') == 'a b.\nc.\n'
    assert tokens.joined(['猫', 'が', 'new', 'york', 'に', '。', '<eos>', '魚'], 'ja') == '猫がnew yorkに。\n魚'
    assert tokens.joined(['你好', '，', '世界']) == '你好，世界'
    assert tokens.joined(['나', '-는', '갔', '-다', '.', '<eos>', '밥'], 'ko') == '나는 갔다.\n밥'
    assert tokens.joined(['“', '왜', '?', '”', '-하고']) == '“왜?” -하고'
    assert tokens.joined([*'The c', '<eos>', ' ', 'a', 'b\x1b'], 'characters') == 'The c\nab\\x1b'


@pytest.mark.parametrize('text, how, told', [
    (JAPANESE, 'words', 'there are hardly any blanks, and words have 5 characters: try --tokens ja or characters'),
    (CHINESE, 'words', 'there are hardly any blanks, and words have 5 characters: try --tokens zh or characters'),
    (CHINESE, 'characters', None), (KOREAN, 'words', None), (ENGLISH, 'words', None), (ENGLISH, 'characters', None)])
def test_texts_without_blanks_are_told_of(capsys, text, how, told):
    Path('my.txt').write_text(text * 20, encoding='utf-8')
    ids, _, id_to_word = corpus.load_data('my.txt', tokens=how)
    assert [id_to_word[i] for i in ids[:len(ids) // 16]] == [*tokens.splitter(how)(text.rstrip('\n')), '<eos>']
    assert capsys.readouterr().out == (f'my.txt: {told}\n' if told else '')
    corpus.load_data('my.txt', 'test', how)
    assert capsys.readouterr().out == ''
    found = open_corpus('my.txt', min_count=1, tokens=how)
    assert [found.id_to_word[i] for i in found.ids[:len(ids) // 16]] == [id_to_word[i] for i in ids[:len(ids) // 16]]
    assert capsys.readouterr().out.startswith(f'my.txt: {told}\n' if told else 'my.txt.ids')


@pytest.mark.parametrize('word, flag', [('말{}을', '--tokens ko or characters'), ('w{}', '--tokens characters')])
def test_many_unknown_words_are_told_of(capsys, word, flag):
    known = f'{word.format("a")} ' * 4 + '\n'
    for lines, told in ((2, ''), (3, f'my.txt: 12% of the words held back are <unk>: try {flag}\n')):
        new = [' '.join(word.format(i) for i in range(4)) + '\n'] * lines       # of 100 words held back, 4 each
        Path('my.txt').write_text(''.join([known] * (100 - lines) + new), encoding='utf-8')
        corpus.load_data('my.txt')
        assert capsys.readouterr().out == told


def test_ptb_and_toy_have_their_words():
    with pytest.raises(ValueError, match=r"^tokens: expected 'words' for toy, .*, got 'characters'$"):
        corpus.load_data('toy', tokens='characters')


@pytest.mark.parametrize('text, encoding', [
    (JAPANESE, 'cp932'), (JAPANESE, 'euc_jp'), (JAPANESE, 'utf-16'), (KOREAN, 'cp949'), (CHINESE, 'gb18030'),
    ('我們說這是我的書，他在中國的時候要來學習。\n', 'big5'), (ENGLISH, 'utf-16'),
    *(('昭和59年9月25日_1984-09-25\n', encoding) for encoding in ('cp932', 'euc_jp', 'iso2022_jp')),
    ('昭和59年9月25日は火曜日です。\n', 'euc_jp'), (JAPANESE, 'iso2022_jp'),
    (ENGLISH, 'utf-16-le'), (KOREAN, 'utf-16-be'),
    ('Le café de la forêt où l’été s’achève.\n', 'cp1252')])
def test_encodings(text, encoding):
    Path('my.txt').write_bytes((text * 40).encode(encoding))
    with pytest.raises(ValueError, match=rf'^my\.txt: expected .*; it looks like {encoding}: --encoding {encoding}$'):
        corpus.load_data('my.txt')
    ids, _, id_to_word = corpus.load_data('my.txt', 'train', 'characters', encoding)
    assert ''.join(id_to_word[i] for i in ids[:len(text.rstrip())]) == text.rstrip()
    found = open_corpus('my.txt', 1, tokens='characters', encoding=encoding)
    assert len(found.ids) == 40 * len(text)


def test_what_is_no_text_of_any_encoding():
    assert likely_encoding('한국어 문장입니다. '.encode() * 20 + b'\xff') is None       # UTF-8, damaged
    assert likely_encoding(bytes(range(256)) * 4) is None
    with pytest.raises(ValueError, match=r"^encoding: expected the name of one, as utf-8, .*, got 'cp99999'$"):
        Path('my.txt').write_text('a\n' * 10)
        corpus.load_data('my.txt', encoding='cp99999')
