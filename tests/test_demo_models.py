"""The demo endpoint's irises and reviews over real HTTP, their models and their data."""

from __future__ import annotations

import ast
import json
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from conftest import KEY
from vectors_of import vectors_of

from demo import iris, iris_mlflow, iris_v2, reviews, reviews_hf, server, train_iris, train_reviews
from FlaskAppAML.dialects import huggingface
from FlaskAppAML.results import Scores
from FlaskAppAML.wire import Reply

DEMO = Path(server.__file__).parent
IRIS, REVIEWS = iris.load(), reviews.load()
SETOSA, VIRGINICA = (5.1, 3.5, 1.4, 0.2), (6.7, 3.0, 5.2, 2.3)
SETOSA_RECORD = dict(zip(iris.COLUMNS, SETOSA, strict=True))


def root(demo: server.Demo) -> str:
    return demo.url.partition("/workspaces")[0]


def tensors(*flowers: tuple[float, ...]) -> list[dict[str, Any]]:
    columns = zip(iris.COLUMNS, zip(*flowers, strict=True), strict=True)
    return [{"name": n, "shape": [len(flowers), 1], "datatype": "FP64", "data": list(d)} for n, d in columns]


def test_every_address_is_told(demo: server.Demo) -> None:
    assert list(demo.urls) == ["companies", "iris_v2", "iris_mlflow", "reviews", "digits", "faces", "expressions"]
    assert demo.urls["companies"] == demo.url
    for text in ((DEMO / "README.md").read_text(encoding="utf-8"), str(server.__doc__)):
        for url in demo.urls.values():
            path = url.removeprefix(root(demo)).partition("?")[0]
            assert ("/workspaces/..." if path.startswith("/workspaces") else path) in text


# -- Open Inference


def test_v2_scores_several_flowers(demo: server.Demo, http: requests.Session) -> None:
    body = {"id": "42", "inputs": tensors(SETOSA, VIRGINICA)}
    reply = http.post(demo.urls["iris_v2"], json=body)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    species, probability = reply.json()["outputs"]
    assert {**reply.json(), "outputs": []} == {
        "model_name": "iris",
        "model_version": "1",
        "id": "42",
        "outputs": [],
    }
    assert (species["datatype"], species["shape"], species["data"]) == ("BYTES", [2, 1], ["setosa", "virginica"])
    assert (probability["datatype"], probability["shape"]) == ("FP64", [2, 3])
    assert probability["data"] == [*IRIS.probabilities(SETOSA), *IRIS.probabilities(VIRGINICA)]


def test_v2_description_fits_what_is_asked_and_answered(demo: server.Demo, http: requests.Session) -> None:
    described = requests.get(demo.urls["iris_v2"].removesuffix("/infer"), timeout=5).json()
    assert [one["name"] for one in described["inputs"]] == list(iris.COLUMNS)
    answered = http.post(demo.urls["iris_v2"], json={"inputs": tensors(SETOSA)}).json()["outputs"]
    for meant, found in zip(described["outputs"], answered, strict=True):
        assert (meant["name"], meant["datatype"]) == (found["name"], found["datatype"])
        assert [1 if size == -1 else size for size in meant["shape"]] == found["shape"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2", {"name": "demo", "version": "1", "extensions": []}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/iris/ready", {"name": "iris", "ready": True}),
        ("/v2/models/iris/versions/1/ready", {"name": "iris", "ready": True}),
    ],
)
def test_v2_health_needs_no_key(demo: server.Demo, path: str, body: Any) -> None:
    reply = requests.get(root(demo) + path, timeout=5)
    assert (reply.status_code, reply.json()) == (200, body)


def test_v2_may_be_asked_for_one_output_of_one_version(demo: server.Demo, http: requests.Session) -> None:
    body = {"inputs": tensors(SETOSA), "outputs": [{"name": "species"}]}
    reply = http.post(f"{root(demo)}/v2/models/iris/versions/1/infer", json=body)
    assert [one["name"] for one in reply.json()["outputs"]] == ["species"]


def test_v2_no_flowers_give_no_answers(demo: server.Demo, http: requests.Session) -> None:
    empty = [{**tensor, "shape": [0, 1], "data": []} for tensor in tensors(SETOSA)]
    outputs = http.post(demo.urls["iris_v2"], json={"inputs": empty}).json()["outputs"]
    assert [(one["shape"], one["data"]) for one in outputs] == [([0, 1], []), ([0, 3], [])]


def changed(**changes: Any) -> dict[str, Any]:
    first, *others = tensors(SETOSA)
    return {"inputs": [{**first, **changes}, *others]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "JSON object"),
        ({}, "inputs"),
        ({"inputs": "x"}, "inputs"),
        ({"inputs": [3]}, "inputs"),
        ({"inputs": tensors(SETOSA)[1:]}, "sepal length (cm)"),
        (changed(datatype="FOO"), "datatype"),
        (changed(datatype=["FP64"]), "datatype"),
        (changed(shape=[1, 4]), "shape"),
        (changed(shape=[]), "shape"),
        (changed(shape=[2, 1]), "fit"),
        (changed(data="5.1"), "fit"),
        (changed(data=["long"]), "no number"),
        (changed(data=[True]), "no number"),
        (changed(data=[None]), "no number"),
        (changed(data=[[1, 2]]), "no number"),
        (changed(data=[10**400]), "too large"),
        (changed(data=[1e300]), "cm"),
        (changed(data=[-1]), "cm"),
        (changed(shape=[2], data=[1, 2]), "equally many"),
        ({"inputs": tensors(SETOSA), "outputs": [{"name": "zzz"}]}, "zzz"),
        ({"inputs": tensors(SETOSA), "outputs": [{"name": {}}]}, "no output"),
        ({"inputs": tensors(SETOSA), "outputs": 3}, "outputs"),
    ],
)
def test_v2_refusals(demo: server.Demo, http: requests.Session, body: Any, said: str) -> None:
    reply = http.post(demo.urls["iris_v2"], json=body)
    assert reply.status_code == 400
    assert list(reply.json()) == ["error"]
    assert said in reply.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/irises", 404),
        ("POST", "/v2/repository/index", 404),
        ("GET", "/v2/models/iris/infer", 405),
        ("POST", "/v2/models/iris", 405),
    ],
)
def test_v2_wrong_addresses(demo: server.Demo, http: requests.Session, method: str, path: str, status: int) -> None:
    reply = http.request(method, root(demo) + path)
    assert (reply.status_code, list(reply.json())) == (status, ["error"])


# -- MLflow

RECORDS = {"dataframe_records": [SETOSA_RECORD]}
SPLIT = {"dataframe_split": {"columns": list(iris.COLUMNS), "index": [0], "data": [list(SETOSA)]}}
INPUTS = {"inputs": {name: [value] for name, value in SETOSA_RECORD.items()}}
INSTANCES = {"instances": [SETOSA_RECORD], "params": {"unknown": 1}}


@pytest.mark.parametrize("body", [RECORDS, SPLIT, INPUTS, INSTANCES], ids=lambda body: next(iter(body)))
def test_mlflow_reads_every_envelope(demo: server.Demo, http: requests.Session, body: Any) -> None:
    reply = http.post(demo.urls["iris_mlflow"], json=body)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    (record,) = reply.json()["predictions"]
    shares = [record[f"probability of {name}"] for name in IRIS.species]
    assert (record["species"], shares) == ("setosa", IRIS.probabilities(SETOSA))


def test_mlflow_reads_csv(demo: server.Demo, http: requests.Session) -> None:
    lines = [",".join(iris.COLUMNS), "5.1,3.5,1.4,0.2", "6.7,3.0,5.2,2.3"]
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    reply = http.post(demo.urls["iris_mlflow"], data="\r\n".join(lines).encode(), headers=headers)
    assert [record["species"] for record in reply.json()["predictions"]] == ["setosa", "virginica"]


def test_mlflow_passes_over_columns_it_does_not_know(demo: server.Demo, http: requests.Session) -> None:
    records = [{**SETOSA_RECORD, f"extra {number}": "x"} for number in range(2000)]
    reply = http.post(demo.urls["iris_mlflow"], json={"dataframe_records": records})
    assert len(reply.json()["predictions"]) == 2000


def test_mlflow_no_rows_give_no_predictions(demo: server.Demo, http: requests.Session) -> None:
    body = {"dataframe_split": {"columns": list(iris.COLUMNS), "data": []}}
    assert http.post(demo.urls["iris_mlflow"], json=body).json() == {"predictions": []}


@pytest.mark.parametrize("name", ["mlflow_schema_probe", "mlflow_err_array_instances", "mlflow_err_not_json"])
def test_mlflow_refuses_in_the_words_of_the_captured_server(
    demo: server.Demo, http: requests.Session, name: str
) -> None:
    """From the signature on; before it stands how pandas or numpy write the data."""
    vector = vectors_of("mlflow")[name]
    body = vector["request"]["body"]
    sent = body["$text"].encode() if "$text" in body else json.dumps(body).encode()
    reply = http.post(demo.urls["iris_mlflow"], data=sent, headers={"Content-Type": "application/json"})
    captured = vector["response"]["body"]
    assert reply.status_code == vector["response"]["status"]
    assert {**reply.json(), "message": ""} == {**captured, "message": ""}
    start = "with schema" if "with schema" in captured["message"] else "Invalid input."
    assert reply.json()["message"][-20:] == captured["message"][-20:]
    assert reply.json()["message"].partition(start)[2][:150] == captured["message"].partition(start)[2][:150]


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"foo": 1}, "BAD_REQUEST", "exactly one of the input fields"),
        ([], "BAD_REQUEST", "exactly one of the input fields"),
        ({**RECORDS, **SPLIT}, "BAD_REQUEST", "exactly one of the input fields"),
        ({"dataframe_records": 3}, "BAD_REQUEST", "parse"),
        ({"dataframe_records": [3]}, "BAD_REQUEST", "parse"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "BAD_REQUEST", "parse"),
        ({"dataframe_split": []}, "BAD_REQUEST", "parse"),
        ({"instances": [[1, 2], [1]]}, "BAD_REQUEST", "parse"),
        ({"inputs": {"a": [1], "b": [1, 2]}}, "BAD_REQUEST", "parse"),
        ({"inputs": [1]}, "BAD_REQUEST", "parse"),
        ({"dataframe_records": []}, "INVALID_PARAMETER_VALUE", "missing inputs"),
        ({"dataframe_split": {"columns": [{}], "data": [[1]]}}, "INVALID_PARAMETER_VALUE", "missing inputs"),
        (
            {"dataframe_records": [{**SETOSA_RECORD, "petal width (cm)": "wide"}]},
            "INVALID_PARAMETER_VALUE",
            "Incompatible input types for column petal width (cm)",
        ),
        ({"dataframe_records": [{**SETOSA_RECORD, "petal width (cm)": None}]}, "BAD_REQUEST", "evaluating the model"),
        ({"dataframe_records": [{**SETOSA_RECORD, "petal width (cm)": 1e300}]}, "BAD_REQUEST", "evaluating the model"),
    ],
)
def test_mlflow_refusals(demo: server.Demo, http: requests.Session, body: Any, code: str, said: str) -> None:
    reply = http.post(demo.urls["iris_mlflow"], json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (400, code)
    assert said in reply.json()["message"]
    assert set(reply.json()) == {"error_code", "message", "sqlstate", "error_class"}


@pytest.mark.parametrize("data", [b"", b"a,b\n1\n", b"\xff\xfe", b'"open'])
def test_mlflow_refuses_csv_that_is_none(demo: server.Demo, http: requests.Session, data: bytes) -> None:
    reply = http.post(demo.urls["iris_mlflow"], data=data, headers={"Content-Type": "text/csv"})
    assert (reply.status_code, "error_code" in reply.json()) == (400, True)


def test_mlflow_other_content_types(demo: server.Demo, http: requests.Session) -> None:
    reply = http.post(demo.urls["iris_mlflow"], data=b"x", headers={"Content-Type": "text/plain"})
    assert (reply.status_code, reply.headers["Content-Type"]) == (415, "text/plain; charset=utf-8")
    assert "content types" in reply.text


def test_mlflow_describes_its_paths_and_no_body(demo: server.Demo) -> None:
    """As the captured description does, beside which ours is shorter."""
    document = requests.get(f"{root(demo)}/openapi.json", timeout=5).json()
    captured = vectors_of("mlflow")["mlflow_split_ok"]["schema_document"]
    assert {path: list(about) for path, about in document["paths"].items()} == {
        path: list(about) for path, about in captured["paths"].items()
    }
    assert document["info"] == captured["info"]
    assert "requestBody" not in json.dumps(document)


def test_mlflow_health(demo: server.Demo) -> None:
    for path in ("/ping", "/health"):
        reply = requests.get(root(demo) + path, timeout=5)
        assert (reply.status_code, reply.text) == (200, "\n")
    assert requests.get(f"{root(demo)}/version", timeout=5).text == iris_mlflow.SPOKEN
    refused = requests.get(demo.urls["iris_mlflow"], timeout=5)
    assert refused.status_code == 401


def test_mlflow_methods(demo: server.Demo, http: requests.Session) -> None:
    reply = http.get(demo.urls["iris_mlflow"])
    captured = vectors_of("mlflow")["mlflow_err_method"]["response"]
    assert (reply.status_code, reply.json()) == (captured["status"], captured["body"])


# -- Hugging Face


def test_hf_labels_are_nested_and_best_first(demo: server.Demo, http: requests.Session) -> None:
    reply = http.post(demo.urls["reviews"], json={"inputs": "Great food, friendly staff, we loved it."})
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    ((first, second),) = reply.json()
    assert (first["label"], second["label"]) == ("positive", "negative")
    assert first["score"] > second["score"]
    assert first["score"] + second["score"] == pytest.approx(1)


def test_hf_speaks_with_the_dialect(demo: server.Demo, http: requests.Session) -> None:
    url, schema = demo.urls["reviews"], huggingface.DEFAULT_SCHEMA
    assert huggingface.claims(urlsplit(url)) >= 0.5
    request = huggingface.encode(schema, url, [schema.parse({"inputs": "Rude and late.", "top_k": 2}, "json")])
    reply = http.post(request.url, data=request.body, headers=dict(request.headers))
    (part,) = huggingface.decode(schema, Reply(reply.status_code, {}, reply.content), 1).parts
    assert isinstance(part, Scores)
    assert [one.label for one in part.scores] == ["negative", "positive"]


def test_hf_several_texts_and_top_k(demo: server.Demo, http: requests.Session) -> None:
    body = {"inputs": ["Wonderful, perfect.", "Broken and dirty."], "parameters": {"top_k": 1, "other": 1}}
    assert [[one["label"] for one in labels] for labels in http.post(demo.urls["reviews"], json=body).json()] == [
        ["positive"],
        ["negative"],
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        {"inputs": None},
        {"inputs": ""},
        {"inputs": []},
        {"inputs": [1]},
        {"inputs": {"a": 1}},
        {"inputs": ["x"] * 1001},
        {"inputs": "x", "parameters": []},
        {"inputs": "x", "parameters": {"top_k": 0}},
        {"inputs": "x", "parameters": {"top_k": True}},
        {"inputs": "x", "parameters": {"top_k": "1"}},
    ],
)
def test_hf_refusals(demo: server.Demo, http: requests.Session, body: Any) -> None:
    reply = http.post(demo.urls["reviews"], json=body)
    assert (reply.status_code, reply.json()["error_type"]) == (422, "validation")
    assert reply.json()["error"].startswith("Input validation error: ")


@pytest.mark.parametrize("data", [b"", b"no", b"\xff", b'{"inputs": NaN}', b"[" * 100_000])
def test_hf_bodies_that_are_no_json(demo: server.Demo, http: requests.Session, data: bytes) -> None:
    reply = http.post(demo.urls["reviews"], data=data)
    assert (reply.status_code, list(reply.json())) == (400, ["error"])


def test_hf_wrong_model_and_method(demo: server.Demo, http: requests.Session) -> None:
    assert http.post(f"{root(demo)}/models/other", json={"inputs": "x"}).status_code == 404
    assert http.get(demo.urls["reviews"]).status_code == 405


# -- The key, and what the server itself refuses


@pytest.mark.parametrize("name", ["iris_v2", "iris_mlflow", "reviews"])
@pytest.mark.parametrize("key", ["", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY} "])
def test_the_key_comes_first(demo: server.Demo, name: str, key: str) -> None:
    reply = requests.post(demo.urls[name], data=b"no json", headers={"Authorization": key.rstrip() + "x"}, timeout=5)
    assert reply.status_code == 401
    assert KEY not in reply.text


def test_a_wrong_key_is_told_as_the_services_do(demo: server.Demo) -> None:
    headers = {"Authorization": "Bearer wrong"}
    captured = vectors_of("huggingface")["hf_err_401"]["response"]["body"]
    assert requests.post(demo.urls["reviews"], headers=headers, timeout=5).json() == captured
    assert "error" in requests.post(demo.urls["iris_v2"], headers=headers, timeout=5).json()
    assert "error_code" in requests.post(demo.urls["iris_mlflow"], headers=headers, timeout=5).json()


@pytest.mark.parametrize(("name", "shape"), [("iris_v2", "error"), ("iris_mlflow", "error_code"), ("reviews", "error")])
def test_a_body_too_large_is_refused_in_the_service_s_shape(
    demo: server.Demo, http: requests.Session, name: str, shape: str
) -> None:
    reply = http.post(demo.urls[name], data=b" " * (server.MAX_BODY + 1))
    assert reply.status_code == 413
    assert shape in reply.json()


@pytest.mark.parametrize("name", ["iris_v2", "iris_mlflow", "reviews"])
def test_own_fault_is_500_without_details(
    demo: server.Demo, http: requests.Session, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iris.Iris, "probabilities", lambda *_: 1 / 0)
    monkeypatch.setattr(reviews.Reviews, "probabilities", lambda *_: 1 / 0)
    bodies = {"iris_v2": {"inputs": tensors(SETOSA)}, "iris_mlflow": RECORDS, "reviews": {"inputs": "x"}}
    reply = http.post(demo.urls[name], json=bodies[name])
    assert reply.status_code == 500
    assert "ZeroDivision" not in reply.text


def test_the_classic_service_refuses_what_belongs_to_nobody(demo: server.Demo, http: requests.Session) -> None:
    for path in ("/v3", "/model", "/invocations/x"):
        assert http.get(root(demo) + path).json()["error"]["code"] == "NotFound"


# -- The models


def test_the_data_are_fisher_s() -> None:
    flowers = train_iris.read_flowers()
    assert Counter(flower.species for flower in flowers) == {"setosa": 50, "versicolor": 50, "virginica": 50}
    means = [sum(column) / 150 for column in zip(*(flower.measurements for flower in flowers), strict=True)]
    assert [round(mean, 2) for mean in means] == [5.84, 3.06, 3.76, 1.20]


def test_the_shipped_iris_model_is_what_training_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_iris.main(["--check"]) == 0
    assert "what training gives" in capsys.readouterr().out


def test_the_shipped_review_model_is_what_training_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_reviews.main(["--check"]) == 0
    assert "what training gives" in capsys.readouterr().out


def test_training_writes_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (train_iris, train_reviews):
        shipped: Path = module.MODEL_FILE
        copy = tmp_path / shipped.name
        monkeypatch.setattr(module, "MODEL_FILE", copy)
        assert module.main([]) == 0
        assert copy.read_bytes() == shipped.read_bytes()
    assert capsys.readouterr().out.count("unseen: ") == 2


@pytest.mark.slow
def test_check_notices_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (train_iris, train_reviews):
        shipped: Path = module.MODEL_FILE
        document = json.loads(shipped.read_text(encoding="utf-8"))
        document["means" if module is train_iris else "priors"][0] += 0.01
        copy = tmp_path / shipped.name
        copy.write_text(json.dumps(document), encoding="utf-8")
        monkeypatch.setattr(module, "MODEL_FILE", copy)
        assert module.main(["--check"]) == 1
    assert capsys.readouterr().out.count("differs") == 2


def test_figures_are_as_the_readme_says() -> None:
    text = (DEMO / "README.md").read_text(encoding="utf-8")
    figures = [
        *train_iris.report(IRIS, train_iris.read_flowers()).splitlines(),
        *train_reviews.report(REVIEWS).splitlines(),
    ]
    for line in figures:
        assert line in text
    assert train_iris.right(IRIS, train_iris.split(train_iris.read_flowers())[1]) >= 27
    assert train_reviews.right(REVIEWS, train_reviews.read_reviews("unseen")) >= 43


def test_unseen_is_unseen() -> None:
    known, unseen = train_iris.split(train_iris.read_flowers())
    assert (len(known), len(unseen)) == (120, 30)
    texts = {name: [review.text for review in train_reviews.read_reviews(name)] for name in ("train", "unseen")}
    everything = texts["train"] + texts["unseen"]
    assert len(set(everything)) == len(everything)


def test_reviews_are_in_balance() -> None:
    for name in ("train", "unseen"):
        counts = Counter(review.label for review in train_reviews.read_reviews(name))
        assert counts["positive"] == counts["negative"] >= 25
        assert set(counts) == {"positive", "negative"}


def test_naive_bayes_by_hand() -> None:
    """Two reviews of one word each: (1 + 1) / (1 + 2) against (0 + 1) / (1 + 2)."""
    model = train_reviews.train([train_reviews.Review("up", "good"), train_reviews.Review("down", "bad")])
    assert model.labels == ("down", "up")
    assert model.probabilities("good") == pytest.approx({"down": 1 / 3, "up": 2 / 3}, abs=1e-4)
    assert model.probabilities("unknown") == pytest.approx({"down": 1 / 2, "up": 1 / 2})


def test_terms() -> None:
    assert reviews.terms("It’s NOT good, not good at all!") == ["it's", "not", "good", "at", "all", "not good"]
    assert reviews.terms("7 ?!") == []


def test_softmax_by_hand() -> None:
    assert iris.softmax([0.0, math.log(3.0)]) == pytest.approx([0.25, 0.75])
    assert iris.softmax([1e308, -1e308]) == [1.0, 0.0]


def test_the_gradient_leads_downhill() -> None:
    """One step from nothing, by hand: a third of each class is found, so the bias moves by the difference."""
    (up, down) = train_iris.step([[0.0], [0.0]], [[1.0]], [[1.0, 0.0]])
    assert (up, down) == ([train_iris.RATE / 2], [-train_iris.RATE / 2])


def test_a_long_text_is_no_crash() -> None:
    shares = REVIEWS.probabilities("good " * 100_000 + "bad")
    assert sum(shares.values()) == pytest.approx(1)


def test_model_files_are_small_and_readable() -> None:
    for path in (iris.MODEL_FILE, reviews.MODEL_FILE):
        assert path.stat().st_size < 50_000
        assert max(map(len, path.read_text(encoding="utf-8").splitlines())) < 200


def test_scoring_and_training_need_the_standard_library_only() -> None:
    for module in (iris, iris_mlflow, iris_v2, reviews, reviews_hf, train_iris, train_reviews):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        names += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names | {"demo"}
