"""What is a Chinese place called in English when its row says nothing?

By pinyin, with the last word turned into English: 保成社区 → Baocheng Community, 江岸 → Jiang'an.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby

_GENERICS = (
    ("生产大队", "Production Brigade"),
    ("生产队", "Production Team"),
    ("生活区", "Living Quarter"),
    ("风景区", "Scenic Area"),
    ("管理处", "Management Office"),
    ("办事处", "Office"),
    ("街道", "Subdistrict"),
    ("社区", "Community"),
    ("大队", "Brigade"),
    ("网格", "Grid"),
    ("自治州", "Prefecture"),
    ("新区", "New Area"),
    ("农场", "Farm"),
    ("大桥", "Bridge"),
    ("泵站", "Pump Station"),
    ("隧道", "Tunnel"),
    ("市", "City"),
    ("区", "District"),
    ("县", "County"),
    ("镇", "Town"),
    ("乡", "Township"),
    ("村", "Village"),
    ("路", "Road"),
    ("站", "Station"),
    ("湖", "Lake"),
)
# place names read these so, where the dictionary puts another reading first
_READINGS = {
    "长": "chang",
    "咀": "zui",
    "陂": "pi",
    "沌": "zhuan",
    "曾": "zeng",
    "都": "du",
    "佛": "fo",
    "什": "shi",
    "重": "chong",
    "垸": "yuan",
    "行": "hang",
    "朝": "chao",
}
_LONG = 5


def english(name_zh: str) -> str:
    """Texts without a 汉字 stay as they are."""
    if not _has_hanzi(name_zh):
        return name_zh
    for ending, word in _GENERICS:
        stem = name_zh.removesuffix(ending)
        if stem and stem != name_zh:
            return f"{_spelt(stem)} {word}"
    return _spelt(name_zh)


def _has_hanzi(text: str) -> bool:
    return re.search("[\u3400-\u9fff]", text) is not None


@cache
def _spelt(text: str) -> str:
    """One word up to four 汉字 (王家墩 → Wangjiadun), longer names word by word."""
    _prepare()
    from pypinyin.seg.mmseg import seg

    words = [text] if len(text) < _LONG else _joined(seg.cut(text))
    parts = [part for word in words for part in re.findall(r"[0-9]+|[^0-9]+", word)]
    return " ".join(_word(part) for part in parts)


def _joined(words: Iterable[str]) -> Iterator[str]:
    """Neighbouring single 汉字 are one word: 四 季 美 → 四季美."""
    for is_single, run in groupby(words, key=lambda word: len(word) == 1):
        group = list(run)
        yield from ["".join(group)] if is_single else group


def _word(text: str) -> str:
    from pypinyin import Style, lazy_pinyin

    spelt = ""
    for part in lazy_pinyin(text, style=Style.NORMAL, v_to_u=True):
        syllable = part.strip().replace("ü", "u")
        spelt += f"'{syllable}" if spelt and spelt[-1].isalpha() and syllable[:1] in set("aoe") else syllable
    return spelt[:1].upper() + spelt[1:]


@cache
def _prepare() -> None:
    from pypinyin import load_single_dict

    load_single_dict({ord(char): reading for char, reading in _READINGS.items()}, style="default")


@cache
def pinyin(name_zh: str) -> tuple[str, str]:
    """武昌区 → ("wuchangqu", "wcq"); empty where there is no 汉字."""
    if not _has_hanzi(name_zh):
        return ("", "")
    _prepare()
    from pypinyin import Style, lazy_pinyin

    syllables = lazy_pinyin(name_zh, style=Style.NORMAL, v_to_u=True)
    return "".join(syllables), "".join(syllable[0] for syllable in syllables)
