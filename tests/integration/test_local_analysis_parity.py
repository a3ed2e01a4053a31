"""The local engine's analyzers against a real node's: the same terms in the same order, for any text."""

import json
import random
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import orjson
import pytest

from hybrid.engines.local.analysis import find_analyzer
from hybrid.engines.local.analysis.properties import RANGES
from tests import corpora
from tests.unit.test_local_analysis import CASES
from tests.unit.test_local_analysis_porter import WORDS

AskNode = Callable[[str, Sequence[str]], list[str]]
ANALYZERS = ("english", "standard", "cjk")

#: Everyday texts of many scripts, with what makes each of them hard.
SAMPLES = [
    "서울특별시는 대한민국의 수도이자 최대 도시이다. 2023년 인구는 약 940만 명(10.2%)이며, K-pop과 IT가 유명하다.",
    "吾輩の猫は、東京タワー（高さ333メートル）をﾃﾚﾋﾞで見た。「すごい！」と言って、Ｗｉ－Ｆｉを２回つないだ。々〆ヶ",
    "北京的故宫建于1406年至1420年，占地约72万平方米；每年约有1,900万人次参观。𠮷野家在哪里？",
    "กรุงเทพมหานครมีประชากร๕ล้านคน และรถไฟฟ้าBTSวิ่งทุก 3-5 นาที (พ.ศ. ๒๕๔๒)",
    "दिल्ली भारत की राजधानी है। यहाँ का लाल क़िला १६४८ में बना था, और मेट्रो २००२ में चली।",
    "تأسست القاهرة عام ٩٦٩م، ويبلغ عدد سكّانها ١٠٫٢ مليون نسمة؛ أليست كبيرةً؟ الـ«مترو» بدأ سنة 1987.",
    'תל אביב נוסדה ב־1909. ראש העירייה אמר: "זו עיר שלא עוצרת". צה"ל, ג׳ירפה, צ\'ק, חז״ל ומו"מ.',
    "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας. Ο ΟΔΥΣΣΕΥΣ είπε: «Καλημέρα ΣΑΣ»· κόστισε 3,50 €.",
    "İSTANBUL'da IĞDIR'lı Iraz Hanım'ın ışıklı iğnesi İ̇kinci kattaydı; 29.05.1453'te neler oldu?",
    "Die Straße in Weiß-Blau: Übergrößenträger aßen am 3.10. für 12,50 € Soße. GROẞE FUẞBALLER!",
    "L'été, l'œuvre d'Élodie coûte 1 234,56 € — n'est-ce pas? «Naïve», dit-elle; aujourd'hui, jusqu'à 18h30.",
    "Đây là tiếng Việt: Hà Nội, phở, và người ta nói “xin chào”. Cafe\u0301 decomposed vs café composed.",
    "Ελληνικά-русский_mixed: МОСКВА́ (12-й век), СССР, наукоёмкий; ѣ и ґрунт, ЉУБАВ.",
    "ქართული ᲥᲐᲠᲗᲣᲚᲘ Հայերեն՝ բառ՛եր, ትግርኛ። አማርኛ፣ ᏣᎳᎩ ꮳꮃꭹ བོད་ཡིག། ລາວ ខ្មែរ မြန်မာစာ",
    "👨‍👩‍👧‍👦 family, 👩🏽‍🚀🚀, ❤️‍🔥🏳️‍🌈🏴‍☠️, 🇯🇵🇰🇷🇺, 1️⃣2⃣#️⃣*⃣, ☎️☎︎☎, ©️®™️, 🤷🏿‍♀️🫱🏻‍🫲🏿, ♂♀️",
    "e.g. www.example.com/a_b?c=1&d=2#x, user.name+tag@mail.example.co.uk, C++, C#, .NET, AT&T, 50%-60%, $1,234.56",
    "10:30a.m.–11:15 p.m., 3'4\", 1/2, 2^10, x=y*z, -5.0e-10, 192.168.0.1, v1.2.3-rc.1, 0xFF, #1 & #2, _my__name_",
    "The dogs' owner's car isn't the Joneses'; it’s O’Neil’s, rock ’n’ roll, ‘quoted’, “double”, don＇t, 'tis, '90s",
    "zero\u200bwidth non\u200cjoiner join\u200der soft\xadhyphen word\u2060joiner bom\ufeffinside \u202eright\u202c",
    "fullwidth ＡＢＣ＿ｄｅｆ１２３．４５，６７ halfwidth ｱｲｳｴｵｶﾞｷﾞﾊﾟﾋﾟ･ﾟﾞｰ ﾡﾢ ￦￥ ㍿㈱㌔ ⅫⅻⅯ ①② ½ ²³ ﬁﬂ ǅ",
    "𝒽𝑒𝓁𝓁𝑜 𝟏𝟐𝟑 𐐀𐐁𐐨 𐌰𐌱 𓀀𓀁 𒀀 🄰🅰🅱 🀄 \U000f0000private\ue000use\ufffd\ufffc\uffff",
    "".join(map(chr, range(0x2000, 0x2070))),
    "".join(map(chr, range(1, 0x250))),
    "a" * 5000 + " " + "日" * 700 + "한" * 700 + "ｶﾞ" * 700 + "́" * 600 + "😀" * 300 + "1." * 400,
]


@pytest.fixture(scope="module")
def ask_node(raw: Any) -> Iterator[AskNode]:
    """Give what asks the node for the terms of some texts, one after the other."""
    name = f"test-{secrets.token_hex(6)}"
    raw.indices.create(index=name, body={"settings": {"index.analyze.max_token_count": 10_000_000}})

    def ask(analyzer: str, texts: Sequence[str]) -> list[str]:
        # Written out as ASCII, JSON carries halves of surrogate pairs too.
        body = json.dumps({"analyzer": analyzer, "text": list(texts)})
        answer = raw.indices.analyze(index=name, body=body, params={"filter_path": "tokens.token"})
        return [token["token"] for token in answer.get("tokens", [])]

    yield ask
    raw.indices.delete(index=name)


def assert_alike(
    ask: AskNode, texts: Sequence[str], analyzers: Sequence[str] = ("english", "standard", "cjk")
) -> None:
    """Fail with the first texts, and the number of all, of which the node makes other terms."""
    differing = [(name, text) for name in analyzers for text in find_differing(ask, name, texts)]
    assert differing[:5] == [], f"{len(differing)} of {len(texts) * len(analyzers)}"


def find_differing(ask: AskNode, name: str, texts: Sequence[str], at_once: int = 2000) -> Iterator[str]:
    analyze = find_analyzer(name)
    for start in range(0, len(texts), at_once):
        some = texts[start : start + at_once]
        ours = [analyze(text) for text in some]
        if ask(name, some) != list(chain.from_iterable(ours)):
            yield from (text for text, terms in zip(some, ours, strict=True) if ask(name, [text]) != terms)


@pytest.mark.parametrize(("analyzer", "text", "terms"), CASES)
def test_cases_of_the_unit_tests_are_what_the_node_says(
    ask_node: AskNode, analyzer: str, text: str, terms: list[str]
) -> None:
    assert ask_node(analyzer, [text]) == terms


def test_stems_of_the_unit_tests_are_what_the_node_says(ask_node: AskNode) -> None:
    apart = [word for word in WORDS if "'" not in word and find_analyzer("english")(word)]
    assert ask_node("english", apart) == [WORDS[word] for word in apart]


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("xquad.en.json", lambda: corpora.squad_json("xquad.en.json")),
        ("policyqa-dev.json", lambda: corpora.squad_json("policyqa-dev.json")),
        ("squad-sentences", corpora.squad_sentences),
        ("vaswani", corpora.vaswani),
    ],
)
def test_every_text_of_a_corpus(ask_node: AskNode, name: str, read: Callable[[], corpora.Corpus]) -> None:
    if not corpora.have(name):
        pytest.skip(f"{corpora.DATA / name} is not there")
    corpus = read()
    assert_alike(ask_node, list(dict.fromkeys([*corpus.passages, *corpus.titles, *corpus.questions])))


def test_every_question_of_natural_questions(ask_node: AskNode) -> None:
    if not corpora.have("nq-open.dev.jsonl"):
        pytest.skip(f"{corpora.DATA / 'nq-open.dev.jsonl'} is not there")
    lines = (corpora.DATA / "nq-open.dev.jsonl").read_bytes().splitlines()
    assert_alike(ask_node, [orjson.loads(line)["question"] for line in lines])


def test_texts_of_many_scripts(ask_node: AskNode) -> None:
    assert_alike(ask_node, SAMPLES)
    assert_alike(ask_node, [word for text in SAMPLES for word in text.split()])


def test_every_assigned_code_point_among_others(ask_node: AskNode) -> None:
    """Take all of the first two planes and of the last with tags and marks, and some Han of those between."""
    codes = chain(range(0x20000), range(0x20000, 0x40000, 16), range(0xE0000, 0xE01F0))
    letters = [chr(code) for code in codes if unicodedata.category(chr(code)) not in {"Cn", "Co", "Cs"}]
    texts = [f"a{one}b\n1{one}2\n{one}\n{one}{one}\nא{one}ア{one}カ\n_{one}_\n😀\u200d{one}" for one in letters]
    assert_alike(ask_node, texts, ["standard"])
    assert_alike(ask_node, texts[::7], ["english", "cjk"])


def test_made_up_texts_of_what_matters(ask_node: AskNode) -> None:
    """Mix the ends of every class, their neighbours, and endings of English words; some of them repeat for long."""
    rng = random.Random(20201116)
    pools = {letter: list(find_near_ends(ranges)) for letter, ranges in RANGES.items()}
    pools |= {"others": [" ", "-", ".", "\n", "'"], "cased": ["a", "S", "Y", "\u0130", "\u03a3", "ß"]}
    endings = ["ing", "ed", "'s", "ational", "ies", "’S", "biliti", "sses", "\u3099", "\uff9e"]

    def make_up(longest: int, some: Sequence[str]) -> str:
        pieces = [rng.choice(pools[rng.choice(some)]) for _ in range(rng.randint(1, longest))]
        return "".join(piece + rng.choice(endings) * (rng.random() < 0.1) for piece in pieces)

    def sample(names: Sequence[str]) -> list[str]:
        return rng.sample(names, rng.randint(1, 6))

    assert_alike(ask_node, [make_up(24, sample([*pools])) for _ in range(5000)])
    assert_alike(ask_node, [make_up(12, sample("EIMzftgeRkPL")) for _ in range(5000)], ["standard"])
    assert_alike(ask_node, [make_up(3, [*pools]) * rng.randint(60, 300) + make_up(5, [*pools]) for _ in range(200)])


def find_near_ends(ranges: str) -> Iterator[str]:
    for end in ranges.replace("-", " ").split():
        yield from (chr(int(end, 16) + step) for step in (-1, 0, 1) if not 0xD800 <= int(end, 16) + step < 0xE000)
