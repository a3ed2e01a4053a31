"""Documents that are read to be written again: their numbers keep their digits, and everything else its meaning."""

from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.opensearch.calls import decode, encode

whole = st.from_regex(r"-?(0|[1-9][0-9]{0,40})", fullmatch=True)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", fullmatch=True) | whole


@given(numbers)
def test_a_number_is_written_as_it_came(digits: str) -> None:
    assert encode({"n": decode(f"[{digits}]", digits=True)}).decode() == f'{{"n":[{digits}]}}'


@given(numbers)
def test_a_number_counts_and_reads_as_it_does_elsewhere(digits: str) -> None:
    exact, usual = decode(digits, digits=True), decode(digits, digits=False)
    assert exact == usual
    # Where it is the text of a field, workers read the same; but for the sign of -0.
    assert digits == "-0" or str(exact) == str(usual)


def test_everything_else_is_what_it_is_elsewhere() -> None:
    plain = r'{"a":[null,true,false,[],{}],"ä":"\u00f6 \ud83d\ude00 \n\"'
    text = plain + '","":{"":[-9223372036854775808,18446744073709551615]}}'
    assert decode(text, digits=True) == decode(text, digits=False)
