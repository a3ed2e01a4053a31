"""What the paper claims, as checks of figures: seen or not, in part, not run or not testable here, and by which row.

Most claims are checked on the paper's own figures, too: the tests hold them against it, so that a check says what the
claim says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.paper import checks
from benchmarks.paper.checks import (
    Check,
    alike,
    beats,
    beats_somewhere,
    climbs,
    every,
    exceeds,
    more,
    no_better,
)
from benchmarks.paper.figures import Figures, MissingError

Verdict = checks.Verdict | Literal["not run", "not testable here"]
#: The paper's exception, and our sets that are made of it.
SQUAD = ("squad", "squad-sentences", "xquad")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the paper, in our words."""

    id: str
    where: str
    text: str
    #: On the paper's figures and on ours alike.
    check: Check | None = None
    #: On the paper's only, or in its own words.
    published: Check | None = None
    #: On ours only, or in its own words.
    reduced: Check | None = None
    #: Why nothing here can test it.
    untestable: str = ""

    @property
    def of_the_paper(self) -> Check | None:
        """Give the check of the paper's figures; None where it gives none."""
        return self.published or self.check

    @property
    def of_ours(self) -> Check | None:
        """Give the check of our figures; None where nothing here can test the claim."""
        return self.reduced or self.check

    def judge(self, ours: Figures) -> tuple[Verdict, str]:
        """Give what our figures say, and by what."""
        if self.of_ours is None:
            return "not testable here", self.untestable
        try:
            found = self.of_ours(ours)
        except MissingError as missing:
            return "not run", f"wants {missing}"
        return found.verdict, found.shown


CLAIMS = (
    Claim(
        "dense-beats-bm25",
        "5.1, Table 2",
        "Dense retrieval finds the answer among 20 more often than BM25, on all sets but SQuAD.",
        published=beats("2", "single-dense", "bm25", "top20", but=SQUAD),
        reduced=beats("2", "dense", "bm25", "top20", but=SQUAD),
    ),
    Claim(
        "bm25-wins-on-squad",
        "5.1, Table 2",
        "On SQuAD, whose questions repeat the passage's words, BM25 is better.",
        published=beats("2", "bm25", "single-dense", "top20", only=SQUAD),
        reduced=beats("2", "bm25", "dense", "top20", only=SQUAD),
    ),
    Claim(
        "hybrid-helps",
        "5.1, Table 2",
        "BM25 + lambda sim is better than both sides in some cases.",
        published=beats_somewhere("2", "single-hybrid", ("single-dense", "bm25"), "top20"),
        reduced=beats_somewhere("2", "hybrid", ("dense", "bm25"), "top20"),
    ),
    Claim(
        "multi-helps-small-sets",
        "5.1, Table 2",
        "The smallest set gains much from the other sets' questions.",
        published=beats("2", "multi-dense", "single-dense", "top20", only=("trec",)),
        reduced=beats("cross", "both", "policyqa", "top20", only=("policyqa",)),
    ),
    Claim(
        "few-examples-suffice",
        "5.2, Figure 1",
        "1,000 questions are enough to beat BM25.",
        reduced=beats("figure1", "1000", "bm25", "top20"),
    ),
    Claim(
        "more-examples-help",
        "5.2, Figure 1",
        "More questions help, at every step.",
        reduced=climbs("figure1", "top20", leave_out=("bm25",)),
    ),
    Claim(
        "kinds-alike",
        "5.2, Table 3",
        "Without in-batch negatives their kind matters little from 20 passages on.",
        every(alike("3", "random-7", "bm25-7", "top20"), alike("3", "random-7", "gold-7", "top20")),
    ),
    Claim(
        "in-batch-helps",
        "5.2, Table 3",
        "As many gold negatives are better when they are those of the batch.",
        beats("3", "batch-8", "gold-7", "top20"),
    ),
    Claim(
        "larger-batches-help",
        "5.2, Table 3",
        "Accuracy grows with the batch: 8, 32, 128.",
        every(beats("3", "batch-32", "batch-8", "top20"), beats("3", "batch-128", "batch-32", "top20")),
    ),
    Claim(
        "one-hard-negative-helps",
        "5.2, Table 3",
        "One passage of BM25 for each question improves the result much.",
        beats("3", "batch-32+1", "batch-32", "top20"),
    ),
    Claim(
        "two-do-not-help-more",
        "5.2, Table 3",
        "A second passage of BM25 does not help further.",
        no_better("3", "batch-32+2", "batch-32+1", "top20"),
    ),
    Claim(
        "distant-is-enough",
        "5.2, Table 5",
        "Positives that only hold the answer cost about a point.",
        alike("5", "gold", "distant", "top20"),
    ),
    Claim(
        "l2-is-as-good",
        "5.2, Table 6",
        "L2 is comparable to the dot product.",
        alike("6", "dot-nll", "l2-nll", "top20"),
    ),
    Claim(
        "cosine-is-worse",
        "5.2",
        "Dot product and L2 are better than cosine.",
        reduced=every(beats("6", "dot-nll", "cosine-nll", "top20"), beats("6", "l2-nll", "cosine-nll", "top20")),
    ),
    Claim(
        "triplet-is-as-good",
        "5.2, Table 6",
        "Triplet loss does not change the results much.",
        alike("6", "dot-nll", "dot-triplet", "top20"),
    ),
    Claim(
        "generalises",
        "5.2",
        "Trained on one set, it beats BM25 on others.",
        published=beats("cross", "foreign", "bm25", "top20"),
        reduced=every(
            beats("cross", "sentences", "bm25", "top20", only=("policyqa",)),
            beats("cross", "policyqa", "bm25", "top20", only=("sentences",)),
        ),
    ),
    Claim(
        "own-questions-are-better",
        "5.2",
        "A set's own questions are a few points better than another's.",
        published=beats("cross", "own", "foreign", "top20"),
        reduced=every(
            beats("cross", "policyqa", "sentences", "top20", only=("policyqa",)),
            beats("cross", "sentences", "policyqa", "top20", only=("sentences",)),
        ),
    ),
    Claim(
        "words-against-meaning",
        "5.3, Appendix C",
        "Dense retrieval is good where question and passage share few words, BM25 where they share many.",
        reduced=exceeds("words", "gain, few words shared", "gain, many words shared", "top20"),
    ),
    Claim(
        "dense-is-fast",
        "5.4",
        "Dense search in memory answers more questions a second than BM25 on a thread.",
        more("5.4", "dense-rate", "bm25-rate"),
    ),
    Claim(
        "dense-index-is-slow",
        "5.4",
        "Vectors and their index take far longer to make than an index of the text.",
        every(more("5.4", "dense-index-hours", "bm25-index-hours"), more("5.4", "encode-hours", "bm25-index-hours")),
    ),
    Claim(
        "better-retrieval-better-answers",
        "6.2, Table 4",
        "Answers read in dense retrieval's passages are right more often than in BM25's, on all sets but SQuAD.",
        published=beats("4", "single-dense", "bm25", "em", but=SQUAD),
        reduced=beats("4", "dense", "bm25", "em", but=SQUAD),
    ),
    Claim(
        "ten-passages-suffice",
        "6.2",
        "Reading 10 passages instead of 50 costs little.",
        published=alike("4", "single-dense", "single-dense-10", "em"),
        reduced=alike("4", "dense", "dense-10", "em"),
    ),
    Claim(
        "joint-is-no-better",
        "6.2, Appendix D",
        "Retriever and reader trained together are no better than one after the other.",
        published=beats("4", "single-dense", "joint", "em"),
        untestable="nothing here trains both together at this scale; hybrid train reader --joint does",
    ),
    Claim(
        "no-pretraining-needed",
        "6.2, Table 4",
        "Pairs of questions and passages do as well as the extra pre-training of ORQA and REALM, on NQ and TriviaQA.",
        published=every(
            beats("4", "single-dense", "orqa", "em", only=("nq", "trivia")),
            beats("4", "single-dense", "realm-wiki", "em", only=("nq",)),
            beats("4", "single-dense", "realm-news", "em", only=("nq",)),
        ),
        untestable="ORQA and REALM are not run here",
    ),
    Claim(
        "state-of-the-art",
        "6.2, Table 4",
        "Better than what was published before on four of five sets.",
        published=every(
            *(
                beats("4", "multi-dense", other, "em", only=(name,))
                for name, other in (("nq", "realm-news"), ("trivia", "graphretriever"), ("wq", "realm-news"))
            ),
            beats("4", "multi-dense", "realm-wiki", "em", only=("trec",)),
        ),
        untestable="the systems before it are not run here",
    ),
    Claim(
        "lambda",
        "5",
        "lambda = 1.1 suits development questions.",
        untestable="lambda belongs to an encoder and a collection; benchmarks.fusion finds it on four sets",
    ),
    Claim(
        "fixed-length-passages",
        "4.1, footnote",
        "Passages of 100 words are better than paragraphs.",
        untestable="needs the whole articles",
    ),
)


def judge_all(ours: Figures) -> Iterator[tuple[Claim, Verdict, str]]:
    """Judge every claim by our figures."""
    for claim in CLAIMS:
        yield claim, *claim.judge(ours)
