"""Porter's stemmer (1980) with its author's two later rules (``bli``, ``logi``): Lucene's ``porter_stem``."""

import re

#: Ending → what takes its place if the measure of what stands before is over 0. Of two that fit the first counts.
_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "bli": "ble", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
    "logi": "log",
}  # fmt: skip
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
#: Endings that go if the measure of what stands before is over 1.
_STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate",
    "iti", "ous", "ive", "ize",
)  # fmt: skip
_VOWEL = re.compile("[aeiou]")
_VOWEL_CONSONANT = re.compile("[aeiou][^aeiou]")
_CONSONANT_VOWEL_CONSONANT = re.compile(r"[^aeiou][aeiou][^aeiou]\Z")


def stem(word: str) -> str:
    """Give the stem of a word in small letters; words of one or two UTF-16 units stay as they are."""
    if word.isascii() or max(word) <= "\uffff":
        return _stem(word)
    units = "".join(map(chr, memoryview(word.encode("utf-16-le", "surrogatepass")).cast("H")))
    return _stem(units).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _stem(word: str) -> str:
    if len(word) < 3:
        return word
    word = _drop_past(_drop_plural(word))
    if word.endswith("y") and _has_vowel(word[:-1]):
        word = word[:-1] + "i"
    return _tidy_end(_drop_suffix(_replace_suffix(_replace_suffix(word, _STEP_2), _STEP_3)))


def _drop_plural(word: str) -> str:
    """Do step 1a."""
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _drop_past(word: str) -> str:
    """Do step 1b."""
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    base = word.removesuffix("ed") if word.endswith("ed") else word.removesuffix("ing")
    if base == word or not _has_vowel(base):
        return word
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if _ends_double(base):
        return base if base[-1] in "lsz" else base[:-1]
    return base + "e" if _measure(base) == 1 and _ends_short(base) else base


def _replace_suffix(word: str, endings: dict[str, str]) -> str:
    """Do step 2 or 3."""
    ending = _find_ending(word, tuple(endings))
    before = word.removesuffix(ending)
    return before + endings[ending] if ending and _measure(before) > 0 else word


def _drop_suffix(word: str) -> str:
    """Do step 4."""
    ending = _find_ending(word, _STEP_4)
    before = word.removesuffix(ending)
    if ending == "ion" and not before.endswith(("s", "t")):
        return word
    return before if ending and _measure(before) > 1 else word


def _tidy_end(word: str) -> str:
    """Do step 5."""
    measure = _measure(word)
    if word.endswith("e") and (measure > 1 or (measure == 1 and not _ends_short(word[:-1]))):
        word = word[:-1]
    return word[:-1] if measure > 1 and word.endswith("ll") else word


def _find_ending(word: str, endings: tuple[str, ...]) -> str:
    return next(filter(word.endswith, endings)) if word.endswith(endings) else ""


def _measure(word: str) -> int:
    """Count the vowels that a consonant follows."""
    return len(_VOWEL_CONSONANT.findall(_spell_y(word)))


def _has_vowel(word: str) -> bool:
    return _VOWEL.search(_spell_y(word)) is not None


def _ends_double(word: str) -> bool:
    return word[-2:-1] == word[-1:] and _spell_y(word)[-1:] not in "aeiou"


def _ends_short(word: str) -> bool:
    """Tell whether the end is consonant, vowel, consonant, the last none of w, x and y."""
    return not word.endswith(("w", "x", "y")) and _CONSONANT_VOWEL_CONSONANT.search(_spell_y(word)) is not None


def _spell_y(word: str) -> str:
    """Write i for each y that is a vowel, being behind a consonant, and j for any other."""
    if "y" not in word:
        return word
    spelled, behind_consonant = [], False
    for letter in word:
        spelled.append(("i" if behind_consonant else "j") if letter == "y" else letter)
        behind_consonant = spelled[-1] not in "aeiou"
    return "".join(spelled)
