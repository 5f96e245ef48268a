"""KServe's server in Python: the model with its tensor declared and without, and one that answers with a data frame.

Run as `python kserve_models.py PORT`. Its usual start, `ModelServer().start(...)`, listens on all addresses.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import pandas as pd
from kserve import Model, ModelRepository
from kserve.constants.constants import FASTAPI_APP_IMPORT_STRING
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.server import RESTServer
from kserve.utils.utils import get_predict_input, get_predict_response

from servers.iris import trained


class Flower(Model):
    """Takes and gives what KServe's own server of scikit-learn models does, in version 1 and 2 of the protocol."""

    def load(self) -> bool:
        self.model = trained()
        self.ready = True
        return True

    def get_input_types(self) -> list[dict[str, Any]]:
        return [{"name": "lengths", "datatype": "FP64", "shape": [-1, 4]}]

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        try:
            return get_predict_response(payload, self.answer(get_predict_input(payload)), self.name)
        except ValueError as error:
            raise InvalidInput(str(error)) from None

    def answer(self, flowers: Any) -> Any:
        return self.model.predict(flowers).tolist()


class Silent(Flower):
    """Declares nothing, and lets the server tell what it raises."""

    def get_input_types(self) -> list[dict[str, Any]]:
        return []

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        return get_predict_response(payload, self.answer(get_predict_input(payload)), self.name)


class Shares(Flower):
    """A column for the species and one for the share of each."""

    def answer(self, flowers: Any) -> Any:
        shares = pd.DataFrame(self.model.predict_proba(flowers), columns=list(self.model.classes_))
        return shares.assign(species=self.model.predict(flowers))


if __name__ == "__main__":
    port = int(sys.argv.pop(1))
    models = ModelRepository()
    for model in (Flower("flower"), Silent("silent"), Shares("shares")):
        model.load()
        models.update(model)
    server = RESTServer(FASTAPI_APP_IMPORT_STRING, DataPlane(models), ModelRepositoryExtension(models), port)
    with socket.create_server(("127.0.0.1", port)) as listening:
        server.run([listening])
