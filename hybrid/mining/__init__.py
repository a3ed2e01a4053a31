"""Examples to train encoders on, mined from an index with questions whose answers or passages are known.

``mine`` writes a file of DPR's JSON, ``Plan`` says what it holds, ``bring`` joins questions with what they bring.
"""

from .mining import mine
from .plan import Plan
from .report import Report
from .wanted import Gold, Wanted, bring

__all__ = ["Gold", "Plan", "Report", "Wanted", "bring", "mine"]
