"""Cog: a predictor for one flower, and one for a file of flowers."""

from __future__ import annotations

from typing import Any

from cog import BasePredictor, Input, Path

from servers.iris import rows_of, trained


class OneFlower(BasePredictor):
    def setup(self) -> None:
        self.model = trained()

    def predict(
        self,
        sepal_length: float = Input(description="In centimetres.", ge=0, le=10),
        sepal_width: float = Input(ge=0, le=10),
        petal_length: float = Input(ge=0, le=10),
        petal_width: float = Input(ge=0, le=10, default=0.2),
        answer: str = Input(choices=["species", "probabilities"], default="species"),
    ) -> Any:
        flower = [[sepal_length, sepal_width, petal_length, petal_width]]
        if answer == "species":
            return str(self.model.predict(flower)[0])
        return dict(zip(map(str, self.model.classes_), map(float, self.model.predict_proba(flower)[0]), strict=True))


class AFile(BasePredictor):
    def setup(self) -> None:
        self.model = trained()

    def predict(self, table: Path) -> Any:
        return [str(name) for name in self.model.predict(rows_of(table.read_text("utf-8")))]
