"""Azure Machine Learning's inference server: a scoring script whose columns are described by a sample."""

from __future__ import annotations

from typing import Any

import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

from servers.iris import COLUMNS, trained

SAMPLE = pd.DataFrame([[5.1, 3.5, 1.4, 0.2]], columns=list(COLUMNS))
MODEL: Any = None


def init() -> None:
    global MODEL
    MODEL = trained()


@input_schema("data", PandasParameterType(SAMPLE))
@output_schema(StandardPythonParameterType(["setosa"]))
def run(data: pd.DataFrame) -> list[str]:
    return [str(name) for name in MODEL.predict(data.to_numpy())]
