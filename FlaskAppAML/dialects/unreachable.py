"""Services that no static key can call: their addresses are known, so that the owner is told before the first failure.

Sources: AWS, "Signing AWS API requests" and the SageMaker Runtime API (every request is signed with SigV4); Google
Cloud, "Authenticate to Vertex AI" (OAuth access tokens, which last about an hour). An answer that comes by way of a
proxy has the shape of the container behind it, and is read by the dialect of the proxy's address.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult

SAGEMAKER = re.compile(r"runtime(?:-fips)?\.sagemaker(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")
VERTEX = re.compile(r"(?:[a-z0-9-]+-)?aiplatform\.googleapis\.com|(?:[a-z0-9-]+\.)+prediction\.vertexai\.goog")


def refusal(url: SplitResult) -> str:
    """Why this address cannot be called with a key, and what can be put in front of it; "" for all others."""
    host = (url.hostname or "").lower()
    if SAGEMAKER.fullmatch(host):
        return (
            "SageMaker takes no fixed key: every request must be signed with AWS credentials. "
            "Put an address with a key of its own in front of it, such as API Gateway with a Lambda function that "
            "calls InvokeEndpoint, or a small proxy of your own with an IAM role, and set URL to that."
        )
    if VERTEX.fullmatch(host) and ("/endpoints/" in url.path or host.endswith(".goog")):
        return (
            "Vertex AI takes no fixed key: every request needs an access token, and one lasts about an hour. "
            "Put an address with a key of its own in front of it, such as a Cloud Run service with a service account "
            "that calls the endpoint, or API Gateway, and set URL to that."
        )
    return ""
