"""Bodies of real search pages and what becomes of them, as JSON that a person can read.

``sent`` is what a page sends; the rest is made of it. If a change is meant, write the files anew and look at the
difference:

    HYBRID_WRITE_GOLDEN=1 .venv/bin/python -m pytest tests/unit/test_gateway_golden.py && git diff tests/golden
"""

import json
import os
from typing import Any

import pytest

from hybrid import Profile
from hybrid.engines.opensearch.calls import encode
from hybrid.engines.opensearch.queries import Target
from hybrid.gateway.plan import Lexical, make_plan, to_hybrid, to_lexical
from hybrid.gateway.policy import Policy
from hybrid.gateway.rewrite import Question
from hybrid.gateway.served import Known, Served
from hybrid.gateway.wishes import read_wishes, without_wishes
from hybrid.requests import make_request
from tests.gateway_golden import GOLDEN

PAGES = sorted(path.stem for path in GOLDEN.glob("*.json"))
PROFILE = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=2, max_norm=1.5)
TARGET = Target("wiki", ("wiki--v1--1a2b3c4d",), PROFILE, shards=1)
KNOWN = Known(
    TARGET,
    frozenset({"contents", "title", "text"}),
    (PROFILE.vector_field,),
)
SERVED = Served(shown="wiki", name="wiki")


def treat(sent: Any) -> dict[str, Any]:
    """Give what the gateway makes of a body in mode ``on``."""
    Policy().check(sent, required=False)
    wishes, body = read_wishes(sent, {}), without_wishes(sent)
    plan = make_plan(body, {}, wishes, KNOWN)
    if isinstance(plan, Lexical):
        return {"lexical": plan.reason, "body": to_lexical(body, SERVED, KNOWN.vector_fields)}
    request = make_request(plan.text.words, PROFILE, vector=[3.0, 4.0], lam=wishes.lam)
    question = Question(request, TARGET, admitted=("p1", "p2"), side=wishes.side or SERVED.side)
    rewritten = to_hybrid(body, plan, question, KNOWN)
    return {"text": plan.text.words, "shift": rewritten.shift, "body": json.loads(encode(rewritten.body))}


@pytest.mark.parametrize("page", PAGES)
def test_body_is_treated_as_agreed_on(page: str) -> None:
    path = GOLDEN / f"{page}.json"
    agreed = json.loads(path.read_text("utf-8"))
    made = {"page": agreed["page"], "sent": agreed["sent"], **treat(agreed["sent"])}
    if os.environ.get("HYBRID_WRITE_GOLDEN"):
        path.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    assert made == json.loads(path.read_text("utf-8"))


def test_there_are_pages_of_every_kind() -> None:
    assert {page.partition("-")[0] for page in PAGES} == {
        "searchkit",
        "searchui",
        "dashboards",
        "reactivesearch",
        "hand",
    }
