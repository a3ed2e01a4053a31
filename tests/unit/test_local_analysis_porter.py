"""Porter's stemmer, rule by rule. An integration test asks a real node for the same words."""

import pytest

from hybrid.engines.local.analysis.porter import stem

#: Each rule with words that it changes, and words that its condition spares.
RULES = {
    "short words": "a:a is:is as:as by:by",
    "1a sses": "grasses:grass misses:miss",
    "1a ies": "skies:ski dies:di ies:i",
    "1a ss, s": "grass:grass dogs:dog gas:ga sss:sss bus:bu",
    "1b eed": "agreed:agre freed:freed need:need greed:greed proceeds:proce",
    "1b ed": "plastered:plaster bled:bled red:red aed:a",
    "1b ing": "motoring:motor sing:sing king:king string:string ing:ing being:be",
    "1b at, bl, iz": "conflated:conflat troubled:troubl sized:size hating:hate",
    "1b double": "hopping:hop tanned:tan fitted:fit abbing:ab eeing:ee",
    "1b double l, s, z": "falling:fall hissing:hiss fizzed:fizz",
    "1b short": "filing:file hoping:hope failing:fail snowing:snow boxing:box praying:prai inning:in",
    "1c": "happy:happi sky:sky by:by cry:cry enjoy:enjoi yyy:yyi say:sai",
    "2 ational, tional": "relational:relat conditional:condit rational:ration national:nation",
    "2 enci, anci": "valency:valenc hesitancy:hesit agency:agenc fancy:fanci",
    "2 izer": "digitizer:digit sizer:sizer",
    "2 bli": "conformably:conform sensibly:sensibl ably:abli",
    "2 alli, entli, eli, ousli": "radically:radic differently:differ vilely:vile analogously:analog really:realli",
    "2 ization, ation, ator": "vietnamization:vietnam predication:predic operator:oper ration:ration",
    "2 alism, iveness, fulness, ousness": "feudalism:feudal decisiveness:decis hopefulness:hope callousness:callous",
    "2 aliti, iviti, biliti": "formality:formal sensitivity:sensit sensibility:sensibl ability:abil",
    "2 logi": "archaeology:archaeolog apology:apolog logi:logi",
    "3 icate, ative, alize": "triplicate:triplic formative:form formalize:formal native:nativ",
    "3 iciti, ical, ful, ness": "electricity:electr electrical:electr hopeful:hope goodness:good ness:ness",
    "4 al, ance, ence, er, ic": "revival:reviv allowance:allow inference:infer airliner:airlin gyroscopic:gyroscop",
    "4 able, ible": "adjustable:adjust defensible:defens table:tabl",
    "4 ant, ement, ment, ent": "irritant:irrit replacement:replac adjustment:adjust dependent:depend element:element",
    "4 sion, tion": "adoption:adopt decision:decis onion:onion ion:ion communion:communion",
    "4 ou, ism, ate, iti, ous, ive, ize": "homologou:homolog communism:commun activate:activ angularity:angular "
    "homologous:homolog effective:effect bowdlerize:bowdler",
    "5a": "probate:probat rate:rate cease:ceas tree:tree eye:ey ye:ye",
    "5b": "controlling:control roll:roll control:control install:instal",
    "y as consonant and vowel": "yes:ye syzygy:syzygi sayings:sai flying:fly yelled:yell toying:toi ying:ying",
    "digits and joiners": "1990s:1990 don't:don't o'neil's:o'neil' u.s:u. 3,141.59:3,141.59 v2ing:v2ing a_bs:a_b",
    "letters outside ASCII": "cafés:café éing:éing ßaing:ßa naïvely:naïv",
    "letters of two units": "𐐨s:𐐨 𐐨es:𐐨e 𐐨:𐐨 𐐨a:𐐨a a𐐨ed:a𐐨 𐐨𐐨ing:𐐨𐐨ing a𐐨𐐨ed:a𐐨𐐨",
}
WORDS = dict(pair.split(":") for words in RULES.values() for pair in words.split())


@pytest.mark.parametrize("words", RULES.values(), ids=RULES)
def test_rule(words: str) -> None:
    pairs = [pair.split(":") for pair in words.split()]
    assert [(word, stem(word)) for word, _ in pairs] == [(word, wanted) for word, wanted in pairs]
