"""How much is trained and tested: a ``Budget`` for two cores and minutes, one for a GPU, and the paper's own."""

from dataclasses import dataclass

from hybrid.encoders.training import plan

#: Layers that begin anew: all-MiniLM has learnt SQuAD, NQ and TriviaQA already.
_CUT_LAYERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much is trained and tested."""

    name: str
    #: Questions to train with, None for all, and how often each is shown.
    questions: int | None
    epochs: int
    #: Questions to test with, evenly spread over the test half.
    tested: int | None
    #: Tokens of an input.
    max_length: int
    lr: float
    seeds: int
    towers: int
    #: Epochs and tokens where all questions are taken.
    whole_epochs: int
    whole_length: int
    #: Numbers of questions for figure 1.
    sizes: tuple[int, ...]
    #: Questions of each set for table 2, of XQuAD for table 4, for the rates of section 5.4, and passages for its
    #: hours.
    asked: int | None
    read: int
    timed: int
    sample: int
    #: What training begins with, and how many of its last layers begin at random where it is cut.
    model: str = "minilm"
    cut_layers: int = _CUT_LAYERS
    #: Whether the learning rate follows the batch, and passages that may be right are held back; not so in the paper.
    own_ways: bool = True


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget(
            name="small",
            questions=1000,
            epochs=2,
            tested=1500,
            max_length=32,
            lr=1e-4,
            seeds=3,
            towers=1,
            whole_epochs=1,
            whole_length=64,
            sizes=(60, 250, 1000),
            asked=1000,
            read=100,
            timed=200,
            sample=200,
        ),
        Budget(
            name="large",
            questions=None,
            epochs=20,
            tested=None,
            max_length=64,
            lr=5e-5,
            seeds=3,
            towers=2,
            whole_epochs=5,
            whole_length=128,
            sizes=(250, 1000, 2500, 5000),
            asked=None,
            read=500,
            timed=1000,
            sample=2000,
        ),
    )
}


#: The paper's own training, for its own data and a BERT (§5).
PAPER = Budget(
    name="paper",
    questions=None,
    epochs=plan.EPOCHS,
    tested=None,
    max_length=plan.MAX_LENGTH,
    lr=plan.LR,
    seeds=1,
    towers=2,
    whole_epochs=plan.EPOCHS,
    whole_length=plan.MAX_LENGTH,
    sizes=(),
    asked=None,
    read=0,
    timed=0,
    sample=0,
    cut_layers=0,
    own_ways=False,
)
