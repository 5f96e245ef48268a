"""FastAPI, with its own check of the key: one flower with a choice of the answer, a list of flowers, or a file."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, UploadFile
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from servers.iris import COLUMNS, rows_of, trained

Centimetres = Annotated[float, Field(gt=0, le=10)]
MODEL = trained()
bearer = HTTPBearer()


class Flower(BaseModel):
    sepal_length: Centimetres = Field(description="In centimetres.", examples=[5.1])
    sepal_width: Centimetres
    petal_length: Centimetres
    petal_width: Centimetres


class Question(Flower):
    answer: Literal["species", "probabilities"] = "species"
    note: str | None = Field(None, max_length=40)


def with_key(given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> None:
    if given.credentials != os.environ["KEY"]:
        raise HTTPException(401, "The key is wrong.")


app = FastAPI(title="Iris", description="Names the species of a flower.", dependencies=[Depends(with_key)])


@app.post("/classify")
def classify(question: Question) -> dict[str, Any]:
    flower = lengths(question)
    if question.answer == "species":
        return {"species": predicted([flower])[0]}
    shares = MODEL.predict_proba([flower])[0]
    return {"probabilities": dict(zip(MODEL.classes_, shares.round(6), strict=True))}


@app.post("/flowers")
def flowers(listed: list[Flower]) -> list[str]:
    return predicted([lengths(flower) for flower in listed])


@app.post("/file")
async def file(table: UploadFile) -> list[str]:
    return predicted(rows_of((await table.read()).decode()))


def lengths(flower: Flower) -> list[float]:
    return [getattr(flower, name) for name in COLUMNS]


def predicted(rows: list[list[float]]) -> list[str]:
    try:
        return [str(name) for name in MODEL.predict(rows)]
    except ValueError as error:
        raise HTTPException(
            422, [{"loc": ["body", "petal_length"], "msg": str(error), "type": "value_error"}]
        ) from None
