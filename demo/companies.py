"""The model: which of ten groups of companies is a text most like?

k-means on TF-IDF of words, pairs and triples of words. `train.py` makes the model file with
scikit-learn; here it is
read and used with the standard library alone.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

MODEL_FILE = Path(__file__).with_name("companies.json")
LONGEST = 3

STOP_WORDS = frozenset(Path(__file__).with_name("stopwords.txt").read_text(encoding="utf-8").split())

# Two letters or more, of any script: of "Boots's 24 shops" this leaves "boots" and "shops".
WORD = re.compile(r"[^\W\d_]{2,}")


def terms(text: str) -> list[str]:
    """Words without digits, punctuation and stop words, followed by their pairs and triples.

    This is also scikit-learn's analyzer in training, so both sides cut a text in the same way.
    """
    words = [word for word in WORD.findall(text.lower()) if word not in STOP_WORDS]
    runs = range(1, LONGEST + 1)
    return [" ".join(words[at : at + n]) for n in runs for at in range(len(words) - n + 1)]


@dataclass(frozen=True)
class Model:
    """A trained model: a name per cluster; per term its idf and its place in every centre."""

    names: tuple[str, ...]
    idf: dict[str, float]
    centres: dict[str, tuple[float, ...]]
    squares: tuple[float, ...]

    def score(self, text: str) -> tuple[int, list[float]]:
        """The nearest cluster and the Euclidean distance to each centre, in the order of `names`.

        Raises ValueError for a text without any known term: as the zero vector it would be nearer to every centre
        than any real text is, and nonsense would look like the surest answer of all.
        """
        vector = self._vector(text)
        if not vector:
            raise ValueError("The text holds no word that this model knows.")
        dots = [0.0] * len(self.names)
        for term, weight in vector.items():
            for cluster, place in enumerate(self.centres[term]):
                dots[cluster] += weight * place
        # Rounded centres can put a square a hair below zero, hence max().
        distances = [sqrt(max(0.0, 1.0 + square - 2 * dot)) for square, dot in zip(self.squares, dots, strict=True)]
        return distances.index(min(distances)), distances

    def _vector(self, text: str) -> dict[str, float]:
        """TF-IDF of the known terms, scaled to length 1."""
        counts = Counter(term for term in terms(text) if term in self.idf)
        weights = {term: count * self.idf[term] for term, count in counts.items()}
        length = sqrt(sum(weight * weight for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items()}


def load(path: Path = MODEL_FILE) -> Model:
    """The model in a file that `train.py` wrote.

    Raises OSError when it cannot be read, ValueError or KeyError when it is not such a file.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    rows: dict[str, list[float]] = document["terms"]
    centres = {term: tuple(row[1:]) for term, row in rows.items()}
    squares = [sum(place * place for place in column) for column in zip(*centres.values(), strict=True)]
    return Model(
        names=tuple(document["clusters"]),
        idf={term: row[0] for term, row in rows.items()},
        centres=centres,
        squares=tuple(squares),
    )
