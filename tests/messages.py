"""What a message to a person must be, whichever error brings it."""

import re

#: Marks of Python's own way of printing things, which tell a person nothing.
_REPR_NOISE = re.compile(r"object at 0x|<class |<urllib3|Traceback|\{'\w+':|[\[(]'\w+',|\bb'\w|\\n")
_LONGEST = 900


def assert_one_clear_line(error: BaseException) -> str:
    """Fail unless the error is one sentence on one line without noise; give it back."""
    text = str(error)
    assert text.strip(), "the message is empty"
    assert text.splitlines() == [text], f"more than one line: {text!r}"
    assert not any(ord(one) < 32 for one in text), f"control characters: {text!r}"
    assert len(text) <= _LONGEST, f"{len(text)} characters: {text}"
    noise = _REPR_NOISE.search(text)
    assert noise is None, f"{noise and noise.group()!r} in: {text}"
    return text
