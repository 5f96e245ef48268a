"""The model of reviews: does a short review praise or complain?

Multinomial naive Bayes on words, with the word before where that is a negation ("not good"). `train_reviews.py` makes
the model file; both need the standard library alone.
"""

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from pathlib import Path

MODEL_FILE = Path(__file__).with_name("reviews.json")
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
NEGATIONS = frozenset({"not", "never", "no", "nothing", "nobody", "without", "hardly"})


def terms(text: str) -> list[str]:
    """The words in lower case, each once; one that follows a negation is there a second time together with it."""
    words = WORD.findall(text.lower().replace("\u2019", "'"))
    pairs = [f"{first} {second}" for first, second in pairwise(words) if first in NEGATIONS]
    return list(dict.fromkeys([*words, *pairs]))


@dataclass(frozen=True)
class Reviews:
    """A trained model: the labels; per label the logarithm of its share; per term that of its share in each label."""

    labels: tuple[str, ...]
    priors: tuple[float, ...]
    logs: dict[str, tuple[float, ...]]

    def probabilities(self, text: str) -> dict[str, float]:
        """The probability of each label. Unknown words say nothing; a text of them alone gets the priors."""
        sums = list(self.priors)
        for term in terms(text):
            for at, log in enumerate(self.logs.get(term, ())):
                sums[at] += log
        powers = [exp(value - max(sums)) for value in sums]
        return {label: power / sum(powers) for label, power in zip(self.labels, powers, strict=True)}


def load(path: Path = MODEL_FILE) -> Reviews:
    """The model in a file that `train_reviews.py` wrote.

    Raises OSError when it cannot be read, ValueError or KeyError when it is not such a file.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    logs = {term: tuple(row) for term, row in document["terms"].items()}
    return Reviews(tuple(document["labels"]), tuple(document["priors"]), logs)
