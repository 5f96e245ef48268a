"""For tests/test_api_schemathesis.py: which refusals are the model's own. The schemathesis of the tests loads it."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

OF_PICTURES = ("digits", "faces", "expressions")


@schemathesis.check
def what_fits_is_accepted(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """As its own check, but for what stands in no schema: that a text must hold a word that the model knows (what the
    model refused has a `model_status`), what makes base64 a picture, and what makes bytes a table of its columns."""
    takes_files = case.path.endswith("/batches") or any(f"/{name}/" in case.path for name in OF_PICTURES)
    if response.status_code == 422 and (takes_files or "model_status" in response.json()):
        return None
    return positive_data_acceptance(ctx, response, case)
