"""Triton, by PyTriton: the model as one tensor and as a tensor for each length, and one that speaks in FP16.

Run as `python triton_server.py FOLDER PORT`. Triton's Python runs with the library of Python that the system has, which
may not fit the modules of this one: hence LD_LIBRARY_PATH.
"""

from __future__ import annotations

import os
import signal
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from servers.iris import COLUMNS, trained

MODEL = trained()
SPECIES = Tensor(name="species", dtype=bytes, shape=(1,))
MANY = ModelConfig(max_batch_size=1000)


def named(flowers: Any) -> Any:
    return np.char.encode(MODEL.predict(flowers).astype(str)).reshape(-1, 1)


@batch
def flower(lengths: Any) -> dict[str, Any]:
    return {"species": named(lengths), "probabilities": MODEL.predict_proba(lengths).astype(np.float32)}


@batch
def columns(**lengths: Any) -> dict[str, Any]:
    return {"species": named(np.concatenate([lengths[name] for name in COLUMNS], axis=1))}


@batch
def half(lengths: Any) -> dict[str, Any]:
    shares = MODEL.predict_proba(lengths.astype(np.float64))
    return {"species": named(lengths.astype(np.float64)), "probabilities": shares.astype(np.float16)}


def serve(folder: Path, port: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that it leaves `with`, which ends the server
    os.environ["LD_LIBRARY_PATH"] = sysconfig.get_config_var("LIBDIR")
    where = TritonConfig(
        http_address="127.0.0.1",
        http_port=port,
        allow_grpc=False,
        allow_metrics=False,
        exit_timeout_secs=2,  # it waits for kept connections, and would for 30 s
    )
    with Triton(config=where, workspace=str(folder / "workspace")) as triton:
        for name, function, numbers in (("flower", flower, np.float64), ("half", half, np.float16)):
            lengths = Tensor(name="lengths", dtype=numbers, shape=(4,))
            shares = Tensor(name="probabilities", dtype=np.float16 if name == "half" else np.float32, shape=(3,))
            triton.bind(name, function, inputs=[lengths], outputs=[SPECIES, shares], config=MANY)
        four = [Tensor(name=name, dtype=np.float64, shape=(1,)) for name in COLUMNS]
        triton.bind("columns", columns, inputs=four, outputs=[SPECIES], config=MANY)
        triton.serve()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
