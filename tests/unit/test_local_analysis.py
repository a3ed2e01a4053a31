"""The local engine's analyzers, rule by rule. An integration test asks a real node for the same cases."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.engines.local.analysis import find_analyzer
from hybrid.engines.local.analysis.properties import RANGES
from hybrid.engines.local.analysis.scanner import scan
from hybrid.engines.local.analysis.words import lower, split
from hybrid.errors import UsageError
from tests.messages import assert_one_clear_line

ROOT = Path(__file__).parents[2]
STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such "
    "that the their then there these they this to was will with"
)
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
_C = "c" * 255

#: What the standard analyzer makes of a text; the terms stand with spaces between.
STANDARD = {
    "nothing": ("", ""),
    "spaces and signs": (" \t\r\n\x00 -–—…!?()[]{}<>/\\|@$%^&+=~`", ""),
    "letters and digits": ("abc 123 a1b2 1st", "abc 123 a1b2 1st"),
    "full stop between two of a kind": ("U.S.A. 3.14 a.1 1.a a..b .a a.", "u.s.a 3.14 a 1 1 a a b a a"),
    "apostrophe between two of a kind": ("don't 1'2 a'1 'a' rock'n'roll", "don't 1'2 a 1 a rock'n'roll"),
    "curly and wide apostrophes": ("don’t don‘t don＇t", "don’t don‘t don＇t"),
    "colon inside words only": ("a:b 1:2 a·b a‧b", "a:b 1 2 a·b a‧b"),
    "comma inside numbers only": ("1,000;5 a,b;c 1٬000", "1,000;5 a b c 1٬000"),
    "connector": ("foo_bar _a_ __ 1_a a_.b a‿b", "foo_bar _a_ 1_a a_ b a‿b"),
    "connector before Katakana": ("_カ a_カ カ_a カa", "_カ a_カ カ_a カ a"),
    "marks stay with the letter": (
        "e\u0301a a\u0301.\u0301b \u0301a x\u00ady",
        "e\u0301a a\u0301.\u0301b a x\u00ady",
    ),
    "zero width space parts, joiners do not": ("a\u200bb a\u200cb a\u200db", "a b a\u200cb a\u200db"),
    "digits of other scripts": ("१२३ ١٫٥ ３.１４", "१२३ ١٫٥ ３.１４"),
    "Hebrew quotation marks": ('צה"ל ג\'ירפה ר\' "א" א"', "צה\"ל ג'ירפה ר' א א"),
    "one Hebrew quotation mark": ('א"ב"ג א"ב.ג', 'א"ב ג א"ב ג'),
    "Arabic": ("مَرْحَبًا، بالعالم", "مَرْحَبًا بالعالم"),
    "Hindi": ("हिन्दी में पाठ।", "हिन्दी में पाठ"),
    "Thai, Lao, Khmer, Myanmar": ("ภาษาไทยabc ລາວ ខ្មែរ မြန်မာ", "ภาษาไทย abc ລາວ ខ្មែរ မြန်မာ"),
    "Thai digits are no Thai letters": ("ก๑๒ก", "ก ๑๒ ก"),
    "Han and Hiragana one by one": ("漢字かな", "漢 字 か な"),
    "Han with a mark": ("漢\u0301字か\u3099", "漢\u0301 字 か\u3099"),
    "Katakana and Hangul in runs": ("カタカナ 한국어 한국abc", "カタカナ 한국어 한국abc"),
    "emoji": ("a😀b 😀😀 ☕️ ☕", "a 😀 b 😀 😀 ☕️ ☕"),
    "skin tones": ("👍🏽 🏽 a🏽", "👍🏽 🏽 a🏽"),
    "joined emoji": (
        "👩\u200d👩\u200d👧 ❤️\u200d🔥 😀\u200d a\u200d😀 \u200d😀",
        "👩\u200d👩\u200d👧 ❤️\u200d🔥 😀\u200d a\u200d 😀 \u200d😀",
    ),
    "joiners behind a style": ("😀\ufe0f\u200d\u200d😀 😀\ufe0f\u200d.", "😀\ufe0f\u200d\u200d😀 😀\ufe0f"),
    "skin tone between joiners": (
        "😀\ufe0f\u200d🏽\u200d😀 😀\ufe0f\u200d🏽 🏽\u200d😀 🏽\ufe0f",
        "😀\ufe0f\u200d🏽\u200d😀 😀\ufe0f\u200d🏽 🏽\u200d😀 🏽",
    ),
    "text style": ("漢\ufe0e字 😀\ufe0e\u200d😀", "漢\ufe0e 字 😀 \u200d😀"),
    "flags": ("🇯🇵 🇯🇵🇰🇷 🇯 🇯🇵🇰 🇯\u0301🇵\u0301", "🇯🇵 🇯🇵 🇰🇷 🇯🇵 🇯\u0301🇵\u0301"),
    "flag by tags": (f"{SCOTLAND}x", f"{SCOTLAND} x"),
    "tag behind a style": (
        "😀\ufe0f\U000e0067\U000e007f\u0301 \u200d😀\ufe0f\U000e0067\U000e007f 😀\ufe0f\U000e0067",
        "😀\ufe0f\U000e0067\U000e007f \u200d😀\ufe0f\U000e0067\U000e007f 😀\ufe0f",
    ),
    "keycaps": ("1️⃣ #️⃣ *⃣ # 1⃣2", "1️⃣ #️⃣ *⃣ 1⃣2"),
    "emoji that are letters": ("ℹ ℹ️ Ⓜa ℹ\u200d😀", "ℹ ℹ️ ⓜa ℹ\u200d😀"),
    "signs that are emoji": ("© ™ 〰 ⌘", "© ™ 〰"),
    "newer than Lucene's Unicode": ("🪿 \u1c89 a\ua7cbb", "🪿 a b"),
    "small letters one by one": ("ß ẞ İI ΣΑΣ Ǆ K Å 𐐀", "ß ß ii σασ ǆ k å 𐐨"),
    "beyond the basic plane": ("𝔘𝔫𝔦 𠜎𠜱", "𝔘𝔫𝔦 𠜎 𠜱"),
    "half of a surrogate pair": ("a\ud800b \udc00c \ud83d\ude00d", "a b c 😀 d"),
    "256 units": ("b" * 256, "b" * 255 + " b"),
    "255 units at most": (f"{'a' * 255} {'b' * 256} {'c' * 600}", f"{'a' * 255} {'b' * 255} b {_C} {_C} {'c' * 90}"),
    "255 units of letters of two": ("𐐨" * 200, f"{'𐐨' * 127} {'𐐨' * 73}"),
    "cut before a joiner": (f"{'a' * 254}.{'b' * 9} é", f"{'a' * 254} {'b' * 9} é"),
    "cut behind a joiner": (f"{'a' * 253}.{'b' * 9}", f"{'a' * 253}.b {'b' * 8}"),
    "many connectors before a word": ("_" * 300 + "a", "_" * 254 + "a"),
    "many marks": ("é" + "\u0301" * 300 + "a", "é" + "\u0301" * 254 + " a"),
    "many joiners before an emoji": ("\u200d" * 300 + "😀", "\u200d" * 253 + "😀"),
}
ENGLISH = {
    "stop words": (f"{STOP_WORDS} {STOP_WORDS.upper()} an's his", "hi"),
    "possessive before stop word": ("it's THE'S she's dog's DOGS'S", "she dog dog"),
    "possessive in three forms": ("cat's cat’s cat＇S cat‘s", "cat cat cat cat‘"),
    "plural possessive": ("dogs' James's", "dog jame"),
    "stem": ("Relational databases were running", "relat databas were run"),
    "abbreviation": ("U.S. e.g.", "u. e.g"),
    "other letters are consonants": ("naïves cafés ßing éding", "naïv café ßing éding"),
    "letters of two units": ("𐐨s 𐐨as 𝔘ing", "𐐨 𐐨a 𝔘ing"),
}
CJK = {
    "pairs of Han and Kana": ("東京都は", "東京 京都 都は"),
    "pairs across scripts": ("東カタか한국", "東カ カタ タか か한 한국"),
    "one by itself": ("東 京。 か 9漢9", "東 京 か 9 漢 9"),
    "Hangul": ("한국어 공부", "한국 국어 공부"),
    "mixed words stay": ("한국abc カ_a ab_カ", "한국abc カ_a ab_カ"),
    "marks count as letters of a pair": ("か\u3099な 漢\u0301", "か\u3099 \u3099な 漢\u0301"),
    "wide ASCII": ("ＡＢＣ１２３ Ｄｏｎ＇ｔ ｏｆ", "abc123 don't"),
    "narrow Katakana": ("ﾊﾝｶｸ ｷﾞﾀｰ ﾊﾟﾝ", "ハン ンカ カク ギタ ター パン"),
    "voice marks that do not fit": ("ｱﾞ ﾏﾟ aﾞ カﾞﾞﾟ かﾞ ﾞ", "ア\u3099 マ\u309a a\u3099 ガ\u3099 \u3099\u309a か\u3099"),
    "voice marks of every row": ("ｳﾞ ﾜﾞ ヰﾞ ヽﾞ ｶﾟ", "ヴ ヷ ヸ ヾ カ\u309a"),
    "stop words": (f"{STOP_WORDS} s t www sea", "an sea"),
    "no stem, no possessive": ("Cats cat's", "cats cat's"),
    "Thai, emoji and flags stay": ("ไทย 😀😀 🇯🇵東", "ไทย 😀 😀 🇯🇵 東"),
    "beyond the basic plane": ("𠜎𠜱漢", "𠜎𠜱 𠜱漢"),
}
CASES = [
    pytest.param(analyzer, text, terms.split(), id=f"{analyzer}: {rule}")
    for analyzer, cases in (("standard", STANDARD), ("english", ENGLISH), ("cjk", CJK))
    for rule, (text, terms) in cases.items()
]


@pytest.mark.parametrize(("analyzer", "text", "terms"), CASES)
def test_rule(analyzer: str, text: str, terms: list[str]) -> None:
    assert find_analyzer(analyzer)(text) == terms


@pytest.mark.parametrize("name", ["german", "English", "", "stop"])
def test_unknown_analyzer_is_refused_by_name(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_analyzer(name)
    message = assert_one_clear_line(caught.value)
    assert repr(name) in message
    assert "english, standard, cjk" in message


def test_ascii_alone_gives_what_the_whole_grammar_gives() -> None:
    rng = random.Random(29)
    for _ in range(3000):
        text = "".join(rng.choices("aZ09_.:,;'\" -#*", k=rng.randint(1, 40)))
        small = text.lower()
        assert split(text) == [small[start:end] for start, end in scan(text).spans]


def test_neighbours_of_a_text_change_nothing_in_it() -> None:
    texts = [text for text, _ in STANDARD.values()]
    assert split("\n".join(texts)) == [term for text in texts for term in split(text)]


def test_every_letter_has_one_small_letter() -> None:
    assert [code for code in range(0x110000) if len(lower(chr(code))) != 1] == []


def test_no_code_point_is_in_two_classes() -> None:
    taken: set[int] = set()
    for ranges in RANGES.values():
        for span in ranges.split():
            first, _, last = span.partition("-")
            codes = range(int(first, 16), int(last or first, 16) + 1)
            assert taken.isdisjoint(codes)
            taken.update(codes)


@pytest.mark.parametrize("text", ["_\u0301", "😀\ufe0f", "#\u0301", "ℹ\u200d", 'א"', "é1.", "漢", "ｶﾞ"])
def test_endless_text_is_cut_like_any_other(text: str) -> None:
    for name in ("english", "standard", "cjk"):
        assert max(map(len, find_analyzer(name)(text * 20_000)), default=0) <= 255


@pytest.mark.parametrize("text", ["_", "\u200d", "\u0301", ". "])
def test_what_leads_to_no_word_is_not_read_again_and_again(text: str) -> None:
    assert split("é " + text * 1_000_000) == ["é"]


def test_ascii_needs_no_tables() -> None:
    code = (
        "import sys; from hybrid.engines.local.analysis import find_analyzer\n"
        "for name in ('english', 'standard', 'cjk'): find_analyzer(name)('It costs 3.50 a day.')\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("hybrid.engines.local.analysis.") for name in done.stdout.split()}
    assert "porter" in loaded
    assert loaded.isdisjoint({"properties", "grammar", "scanner", "cjk"})
