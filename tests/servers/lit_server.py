"""LitServe, which describes nothing; it asks for the bearer itself. Run as `python lit_server.py PORT`."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import litserve
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from servers.iris import COLUMNS, trained

bearer = HTTPBearer()


class Iris(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = trained()

    def authorize(self, auth: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> None:
        if auth.credentials != os.environ["KEY"]:
            raise HTTPException(401, "The key is wrong.")

    def decode_request(self, request) -> list[float]:  # type: ignore[no-untyped-def]  # a type would become a parameter
        return [request[name] for name in COLUMNS]

    def predict(self, x: list[float]) -> tuple[str, list[float]]:
        return str(self.model.predict([x])[0]), self.model.predict_proba([x])[0].tolist()

    def encode_response(self, output: tuple[str, list[float]]) -> dict[str, Any]:
        species, shares = output
        return {"species": species, "probabilities": dict(zip(map(str, self.model.classes_), shares, strict=True))}


if __name__ == "__main__":
    server = litserve.LitServer(Iris(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, num_api_servers=1)
