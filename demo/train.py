"""Trains the companies' model: `python -m demo.train` (needs scikit-learn, which scoring does not).

Reads `texts/train.tsv`, writes `companies.json` and the clusters' names in `form.json`, prints how
pure the clusters are. `--check` writes nothing: it trains in memory and says whether the shipped
file is what comes out.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import sklearn
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer

from demo.companies import MODEL_FILE, Model, load, terms

HERE = Path(__file__).parent
FORM_FILE = HERE / "form.json"
CLUSTERS = 10
# Chosen by the training texts alone: the fewest terms dropped (a term must stand in two texts), and
# the first seed whose clusters are pure. The unseen texts are only for the figures at the end.
MIN_DF = 2
SEED = 1
STARTS = 20
DIGITS = 5


class Company(NamedTuple):
    """One line of the texts: its industry, and the three columns the model is asked with."""

    industry: str
    title: str
    category: str
    text: str


class Trained(NamedTuple):
    """What scikit-learn made of the training texts; `names` has one industry per cluster."""

    vectorizer: Any
    kmeans: Any
    names: list[str]


def read_texts(name: str) -> list[Company]:
    """The companies in `texts/<name>.tsv`.

    Raises OSError, and TypeError for a line that has more or fewer columns.
    """
    with (HERE / "texts" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(lines)
        return [Company(*line) for line in lines]


def train(companies: Sequence[Company]) -> Trained:
    """Fits TF-IDF and k-means; the same companies in the same order give the same clusters."""
    vectorizer = TfidfVectorizer(analyzer=terms, min_df=MIN_DF)
    matrix = vectorizer.fit_transform([company.text for company in companies])
    kmeans = KMeans(n_clusters=CLUSTERS, random_state=SEED, n_init=STARTS).fit(matrix)
    return Trained(vectorizer, kmeans, majorities(companies, kmeans.labels_.tolist()))


def majorities(companies: Sequence[Company], clusters: Sequence[int]) -> list[str]:
    """For each cluster the industry that most of its companies belong to."""
    counts = [Counter[str]() for _ in range(CLUSTERS)]
    for company, cluster in zip(companies, clusters, strict=True):
        counts[cluster][company.industry] += 1
    return [count.most_common(1)[0][0] for count in counts]


def purity(companies: Sequence[Company], clusters: Sequence[int]) -> float:
    """Cluster purity, 0 to 1: the share of companies of the commonest industry in their cluster."""
    pairs = Counter(zip(clusters, (company.industry for company in companies), strict=True))
    best = dict.fromkeys(clusters, 0)
    for (cluster, _), count in pairs.items():
        best[cluster] = max(best[cluster], count)
    return sum(best.values()) / len(companies)


def rightly_named(companies: Sequence[Company], clusters: Sequence[int], names: Sequence[str]) -> float:
    """The share of companies, 0 to 1, whose cluster bears the name of their industry."""
    right = [names[cluster] == company.industry for company, cluster in zip(companies, clusters, strict=True)]
    return sum(right) / len(companies)


def assign(model: Model, companies: Sequence[Company]) -> list[int]:
    """The cluster of each company, scored as the endpoint scores it."""
    return [model.score(company.text)[0] for company in companies]


def term_rows(trained: Trained) -> dict[str, list[float]]:
    """Per term, in alphabetical order: idf, then its place in each of the centres."""
    vocabulary = trained.vectorizer.get_feature_names_out().tolist()
    columns = [trained.vectorizer.idf_.tolist(), *trained.kmeans.cluster_centers_.tolist()]
    rows = zip(*columns, strict=True)
    return {term: [shorten(value) for value in row] for term, row in zip(vocabulary, rows, strict=True)}


def shorten(value: float) -> float:
    """Rounded; a zero is written as 0, which halves the file."""
    return round(value, DIGITS) or 0


def render(trained: Trained) -> str:
    """The model file: JSON with one term per line, so that a person and a diff can read it."""
    head = {
        "about": "Ten groups of companies, k-means on TF-IDF: train.py writes, companies.py reads.",
        "scikit_learn": sklearn.__version__,
        "seed": SEED,
        "clusters": trained.names,
    }
    settings = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    rows = [f"  {json.dumps(term, ensure_ascii=False)}: {row}" for term, row in term_rows(trained).items()]
    note = '"row": ["idf", "place in the centre of cluster 0", "of cluster 1, and so on"]'
    return "{\n" + ",\n".join([*settings, note]) + ',\n"terms": {\n' + ",\n".join(rows) + "\n}\n}\n"


def write_names(names: Sequence[str]) -> None:
    """Puts the clusters' names into the owner's changes of the form."""
    form = json.loads(FORM_FILE.read_text(encoding="utf-8"))
    form["outputs"]["Assignments"]["values"] = {str(number): name for number, name in enumerate(names)}
    text = json.dumps(form, indent=2, ensure_ascii=False) + "\n"
    FORM_FILE.write_text(text, encoding="utf-8", newline="\n")


def differences(trained: Trained, shipped: Model) -> list[str]:
    """What differs between freshly trained and shipped, in words; empty when nothing does.

    Compared are the terms and names, the weights (to 1e-4) and the cluster of every text we have.
    """
    if list(term_rows(trained)) != list(shipped.idf) or trained.names != list(shipped.names):
        return ["The terms or the clusters' names differ."]
    return [*other_weights(trained, shipped), *other_clusters(trained, shipped)]


def other_weights(trained: Trained, shipped: Model) -> list[str]:
    """A sentence for each term with a weight that differs by more than 1e-4."""
    pairs = (
        (term, zip(row, (shipped.idf[term], *shipped.centres[term]), strict=True))
        for term, row in term_rows(trained).items()
    )
    return [
        f"The weights of {term!r} differ."
        for term, weights in pairs
        if any(abs(fresh - old) > 1e-4 for fresh, old in weights)
    ]


def other_clusters(trained: Trained, shipped: Model) -> list[str]:
    """A sentence for each company that scikit-learn and the shipped file put elsewhere."""
    companies = read_texts("train") + read_texts("unseen")
    matrix = trained.vectorizer.transform([company.text for company in companies])
    fresh = trained.kmeans.predict(matrix).tolist()
    return [
        f"{company.title} moves from cluster {old} to {new}."
        for company, new, old in zip(companies, fresh, assign(shipped, companies), strict=True)
        if new != old
    ]


def report(model: Model) -> str:
    """The figures, with the shipped file and the standard library."""
    lines = []
    for name in ("train", "unseen"):
        companies = read_texts(name)
        clusters = assign(model, companies)
        pure, right = purity(companies, clusters), rightly_named(companies, clusters, model.names)
        lines.append(f"{name}: {len(companies)} texts, purity {pure:.3f}, rightly named {right:.3f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains and writes, or with --check compares; returns 1 when the shipped file differs."""
    parser = argparse.ArgumentParser(prog="python -m demo.train", description="Train the companies' model.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the shipped file")
    trained = train(read_texts("train"))
    if parser.parse_args(arguments).check:
        found = differences(trained, load(MODEL_FILE))
        print("\n".join(found) or "The shipped file is what training gives.")
        return 1 if found else 0
    MODEL_FILE.write_text(render(trained), encoding="utf-8", newline="\n")
    write_names(trained.names)
    model = load(MODEL_FILE)
    size, inertia = MODEL_FILE.stat().st_size, trained.kmeans.inertia_
    print(f"{len(model.idf)} terms, {size} bytes, inertia {inertia:.2f}")
    print(report(model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
