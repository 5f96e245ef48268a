"""For tests/test_api_schemathesis.py: which refusals are the model's own. The schemathesis of the tests loads it."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance


@schemathesis.check
def what_fits_is_accepted(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """As its own check, but for input that the model refused, which is what `model_status` says: that a text must hold
    a word that the model knows stands in no schema."""
    if response.status_code == 422 and "model_status" in response.json():
        return None
    return positive_data_acceptance(ctx, response, case)
