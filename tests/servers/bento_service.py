"""BentoML: a service of one method, and a check of the key in front of it."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

import bentoml
from pydantic import Field
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from servers.iris import trained

Centimetres = Annotated[float, Field(gt=0, le=10)]


class WithKey:
    """Middleware: only those with the key come through."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization", b"").decode("latin-1")
        is_open = scope["type"] != "http" or scope["path"] == "/readyz" or given == f"Bearer {os.environ['KEY']}"
        await (self.app if is_open else JSONResponse({"error": "the key is wrong"}, 401))(scope, receive, send)


@bentoml.service(name="iris", workers=1)
class Iris:
    def __init__(self) -> None:
        self.model = trained()

    @bentoml.api
    def classify(
        self,
        sepal_length: Centimetres,
        sepal_width: Centimetres,
        petal_length: Centimetres,
        petal_width: Centimetres = 0.2,
        answer: Literal["species", "probabilities"] = "species",
    ) -> dict[str, Any]:
        flower = [[sepal_length, sepal_width, petal_length, petal_width]]
        try:
            species = str(self.model.predict(flower)[0])
        except ValueError as error:
            raise bentoml.exceptions.InvalidArgument(str(error)) from None
        if answer == "species":
            return {"species": species}
        shares = self.model.predict_proba(flower)[0]
        return {
            "probabilities": {str(name): float(share) for name, share in zip(self.model.classes_, shares, strict=True)}
        }


Iris.add_asgi_middleware(WithKey)  # type: ignore[attr-defined]  # the decorator makes a service of the class
