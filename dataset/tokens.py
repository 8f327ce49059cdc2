"""How a line becomes words, the flag --tokens, and words a line again.

words: what stands between blanks, in lower case, punctuation split off. blanks: what stands between blanks, for texts
whose words other tools have parted. characters: each on its own, blanks too. ja, ko, zh: the words of Japanese, Korean
and Chinese, of which blanks tell little, by SudachiPy, Kiwi and jieba.
"""
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Literal, get_args

from common.checks import InputError, shown

Tokens = Literal['words', 'blanks', 'characters', 'ja', 'ko', 'zh']     # what main's tokens may be
PIECE = 2**12           # characters that a tokenizer gets at once: SudachiPy takes 49,149 bytes
CLOSING = tuple('.,:;!?%)]}…”’')    # before these there is no blank, in a text of words
OPENING = tuple('([{“‘')            # nor behind these


def splitter(tokens: str) -> Callable[[str], list[str]]:
    """The function from a line, or a piece of one, to its words; InputError where its package is missing."""
    if tokens not in get_args(Tokens):
        raise InputError(f'tokens: expected one of {", ".join(get_args(Tokens))}, got {tokens!r:.60}')
    if tokens in TOKENIZERS:
        packages, make = TOKENIZERS[tokens]
        try:
            return make()
        except ImportError:
            raise InputError(f'tokens: expected what {tokens!r} needs, got nothing: pip install {packages}') from None
    return {'words': words_of, 'blanks': parted_by_blanks, 'characters': characters_of}[tokens]


@cache
def _word() -> re.Pattern:
    """What a word is, see words_of. Signs are all of Unicode's punctuation and symbols, those of Chinese too."""
    signs = re.escape(''.join(char for char in map(chr, range(2**16)) if unicodedata.category(char)[0] in 'PS'))
    signs += '\U0001f000-\U0001faff'     # emoji, as a range: beyond 2**16 single ones are gone through one by one
    run = rf'[^\s{signs}]+'
    letters = r'(?<!\w)(?:[^\W\d_]\.){2,}'       # a.m., j.r.r.
    return re.compile(rf"<unk>|<eos>|{letters}|{run}(?:(?:['’_-]|(?<=\d)[.,:/](?=\d)){run})*|([{signs}])\1*")


def words_of(line: str) -> list[str]:
    """The words of a line, in lower case: a run of letters and digits is one, and so is a sign, or several equal ones.

    Apostrophes and hyphens between letters, points and commas between digits, and points behind single letters are of
    the word: don't, 3.14, a.m. `<unk>` and `<eos>` stay whole. Signs of Chinese, Japanese and Korean are words as all
    are: 「 。 ，
    """
    return [found.group() for found in _word().finditer(line.lower())]


def starts(line: str, place: int) -> list[int]:
    """Where the words of a line begin, from a place on."""
    return [found.start() for found in _word().finditer(line, place)]


def parted_by_blanks(line: str) -> list[str]:
    return line.lower().split()


def characters_of(line: str) -> list[str]:
    """Each character, as it is, but for blanks at the line's end."""
    return list(line.rstrip())


# ---- tokenizers of languages that blanks do not part


def _in_pieces(cut: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The splitter that gives cut PIECE characters at most, up to a blank or a sentence's end where there is one."""
    piece = re.compile(rf'.{{1,{PIECE}}}(?:(?<=[\s。．.！!？?])|$)|.{{1,{PIECE}}}', re.DOTALL)

    def split(line):
        return [word for part in piece.findall(line.lower()) for found in cut(part) if (word := found.strip())]
    return split


@cache
def _japanese():
    import sudachipy

    tokenizer = sudachipy.Dictionary(dict='small').tokenizer(mode=sudachipy.SplitMode.A)      # A: the shortest words
    return _in_pieces(lambda text: [found.surface() for found in tokenizer.tokenize(text)])


@cache
def _chinese():
    import rjieba

    return _in_pieces(rjieba.cut)


@cache
def _korean():
    """나는 갔다 -> 나 -는 갔 -다: as dictionaries have it, - says that no blank stands before a particle, an ending."""
    from kiwipiepy import Kiwi

    kiwi = Kiwi(num_workers=1)

    def cut(text):
        found: list[str] = []
        start = end = 0
        for token in kiwi.tokenize(text):
            if token.end <= end:        # two that are written as one, 가 + 았 = 갔, stay one
                continue
            start = max(token.start, end)
            word = text[start:token.end]
            glued = bool(found) and start == end
            if word == '"' or word.startswith(CLOSING):         # `joined` knows of these, and of those that open
                glued = False
            elif glued and found[-1].endswith((*OPENING, '"')):
                glued = token.tag.startswith(('J', 'E', 'VC', 'VX'))
            found += ('-' * glued + word).split()               # some have a blank in them: 자연어 처리
            end = token.end
        return found
    return _in_pieces(cut)


# what pip installs for each of them
TOKENIZERS = {'ja': ('sudachipy sudachidict-small', _japanese), 'ko': ('kiwipiepy', _korean),
              'zh': ('rjieba', _chinese)}


# ---- words as a text again


def joined(words: list[str], tokens: str = 'words', stop: str = '') -> str:
    """A text of these words, as `tokens` parted them: with blanks, but where none belong.

    In place of `<eos>` stands stop, and the line ends; none begins or ends with a blank.
    """
    text, last, quoted = [], '\n', False
    for word in words:
        word = f'{stop}\n' if word == '<eos>' else word if word == '\t' else shown(word)
        glued = tokens == 'ko' and len(word) > 1 and word[0] == '-'
        if '\n' in word:
            quoted = False
        elif word == '"':        # the first of a line opens, the second closes
            quoted = not quoted
        inside = (last if quoted else word) == '"'       # behind the one, before the other
        if not (glued or tokens == 'characters' or '\n' in last + word or (inside and tokens != 'blanks')
                or _touch(last, word, tokens)):
            text.append(' ')
        text.append(word[glued:])
        last = word
    return '\n'.join(line.strip() for line in ''.join(text).split('\n'))


def _touch(last, word, tokens):
    """Whether no blank stands between two words."""
    if tokens == 'blanks':
        return False
    if tokens in ('ja', 'zh') or script_of(last[-1]) in ('ja', 'zh') or script_of(word[0]) in ('ja', 'zh'):
        return not (last[-1].isascii() and word[0].isascii() and word[0].isalnum())
    return word.startswith(CLOSING) or last.endswith(OPENING)


# ---- what a text is written in


def script_of(text: str) -> str | None:
    """'ja' of a text with kana, 'ko' of one with hangul, 'zh' of one with Chinese characters alone, else None.

    A tenth of its letters must be of that kind; Chinese signs count with Chinese characters.
    """
    kana = len(re.findall('[ぁ-ヿ]', text))
    hangul = len(re.findall('[가-힣]', text))
    han = len(re.findall('[\u3001-\u303f㐀-鿿\uff01-\uff60]', text))
    letters = max(1, sum(map(str.isalpha, text)))
    if kana > 0.1 * letters or (kana and kana > 0.1 * han):
        return 'ja'
    if hangul > 0.1 * letters:
        return 'ko'
    return 'zh' if han > 0.1 * letters else None


def advice(words, counts, tokens: str, lost: float = 0.0) -> str | None:
    """What to say of a text whose words (V,) have these counts, and of which the share `lost` became `<unk>`."""
    sample = [word for word in words[:5000] if word not in ('<unk>', '<eos>', '\n')]
    script = script_of(''.join(sample))
    by_blanks = tokens in ('words', 'blanks')
    flags = ([script] if script and by_blanks else []) + ['characters'] * (tokens != 'characters')
    flag = f'try --tokens {" or ".join(flags)}' if flags else 'a longer text would have fewer'
    pairs = [(len(word), int(count)) for word, count in zip(words[:5000], counts[:5000], strict=True)
             if word[:1].isalnum()]
    total = sum(count for _, count in pairs)
    mean = sum(size * count for size, count in pairs) / max(1, total)
    if by_blanks and mean > (4 if script in ('ja', 'zh') else 15):
        return f'there are hardly any blanks, and words have {mean:.0f} characters: {flag}'
    if lost > 0.1:
        return f'{lost:.0%} of the words held back are <unk>: {flag}'
    return None
