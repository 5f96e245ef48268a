"""Connecting an endpoint: what it says about itself, why it fails, and whether the key is meant for it.

Nothing here calls the scoring address. `inspect` asks for descriptions by GET, as the app itself does.

Whether a key is meant for another service is a guess by the looks that services give their keys (`hf_`, `sk-`, `dapi`,
a JWT by RFC 7519); it warns and refuses nothing.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
import tempfile
import time
from dataclasses import dataclass, replace
from types import ModuleType
from urllib.parse import SplitResult, urlsplit

from . import dialects
from .dialects import mlflow
from .endpoint import Endpoint
from .errors import (
    BadResponse,
    ConnectionLost,
    Described,
    EndpointError,
    InputRefused,
    KeyRefused,
    Loading,
    ModelFailed,
    NoSuchEndpoint,
    Redirected,
    SettingError,
    TimedOut,
    TlsFailed,
    Unreachable,
    Unsupported,
)
from .schema import Schema
from .settings import CARRIES_A_SECRET, Settings
from .wire import Reply, Request, dumps

PROTOCOLS = {
    "aml_classic": "Azure ML Studio (classic)",
    "azureml": "Azure Machine Learning",
    "mlflow": "MLflow",
    "tensorflow": "TensorFlow Serving",
    "open_inference": "Open Inference",
    "huggingface": "Hugging Face",
    "torchserve": "TorchServe",
    "openai": "OpenAI",
    "cog": "Cog",
    "openapi": "OpenAPI",
    "raw": "a protocol of its own",
}
BY_SAMPLE = "by what you pasted or named"
NOWHERE = "http://endpoint.invalid/"  # in place of the address, while there is only a sample; RFC 2606
NO_DESCRIPTION = (
    "Many services have none. Make sure that the address is the one that takes the POST, and paste one request that "
    "works."
)
NO_ANSWER = (Unreachable, ConnectionLost, TimedOut, TlsFailed)
MOST_OF_TOKEN = 8000  # characters of a JWT that are looked into


@dataclass(frozen=True)
class Found:
    """What an inspection found. `was_asked` says whether the endpoint could be asked at all, `failure` why it did not
    describe itself. `lacks` is the path that its description does not have, where it describes others."""

    endpoint: Endpoint
    schema: Schema
    why: str
    seconds: float
    was_asked: bool
    failure: EndpointError | None
    lacks: str = ""

    @property
    def choices(self) -> tuple[Described, ...]:
        """The operations of the service, where the address is none of them."""
        return self.failure.operations if self.failure else ()

    @property
    def twins(self) -> bool:
        """Whether the sample fits two protocols, which the address does not tell apart."""
        is_either = self.schema.dialect in ("mlflow", "tensorflow") and self.schema.envelope == "instances"
        return is_either and self.why == BY_SAMPLE

    @property
    def protocol(self) -> str:
        return PROTOCOLS.get(self.schema.dialect, self.schema.dialect)

    @property
    def doubt(self) -> str:
        """What the protocol says of a form that may not fit."""
        return str(self.schema.options.get("doubt", ""))

    @property
    def is_guess(self) -> bool:
        return self.failure is not None or bool(self.doubt)

    @property
    def is_out_of_reach(self) -> bool:
        """Whether something is in the way that would be in the way of a score too."""
        return isinstance(self.failure, (*NO_ANSWER, KeyRefused, Redirected, Loading))


def inspect(settings: Settings) -> Found:
    """Asks the endpoint for its description, or reads the `SCHEMA` given, and leaves nothing behind.

    Raises SettingError.
    """
    with tempfile.TemporaryDirectory(prefix="connect-") as folder:
        endpoint = Endpoint(replace(settings, url=settings.url or NOWHERE, data_dir=folder, cache_seconds=0))
        started = time.monotonic()
        failure: EndpointError | None = None
        lacks = ""
        try:
            schema = endpoint.read_again()
        except EndpointError as error:
            failure, lacks = error, urlsplit(settings.url).path if error.operations else ""
        except SettingError as error:
            if not error.operations:
                raise
            failure = NoSuchEndpoint(error.detail)
            failure.operations = error.operations
        if failure is not None:
            schema = dialects.default(settings.url, _known_dialect(settings), settings.task)
    seconds, was_asked = time.monotonic() - started, _can_be_asked(settings)
    if not was_asked:
        failure = None
    return Found(endpoint, schema, _why(settings, failure), seconds, was_asked, failure, lacks)


def _known_dialect(settings: Settings) -> ModuleType | None:
    return dialects.BY_NAME.get(settings.dialect) or dialects.claimed(settings.url)


def _can_be_asked(settings: Settings) -> bool:
    """Whether there is an address to ask: nothing is given, and the protocol has descriptions."""
    if settings.schema:
        return settings.schema.startswith(("http://", "https://"))
    return bool(dialects.questions(settings.url, _known_dialect(settings)))


def _why(settings: Settings, failure: EndpointError | None) -> str:
    """Why this protocol, as the end of a sentence that begins with its name."""
    if settings.dialect:
        return "as you chose"
    if settings.url and dialects.claimed(settings.url):
        return "by the form of the address"
    if settings.schema:
        return BY_SAMPLE
    return "for want of anything that tells" if failure else "by its description"


# Columns that only a refusal tells


def may_be_asked_for_columns(found: Found) -> bool:
    """Whether it is a server of MLflow, which tells a model's columns nobody but who sends none."""
    return found.schema.dialect == "mlflow" and "frame" not in found.schema.options and not found.is_out_of_reach


def columns(endpoint: Endpoint) -> str:
    """The columns of a model of MLflow, as SCHEMA takes them. Calls the scoring address, once.

    Raises EndpointError, where it answers in another way too.
    """
    try:
        endpoint.client.send(Request(endpoint.url, dumps(mlflow.WITHOUT_COLUMNS).encode()))
    except (InputRefused, ModelFailed) as error:
        refusal = endpoint.without_secrets(Reply(error.upstream_status or 0, {}, error.body))
        found = mlflow.columns_of_error(_message(refusal))
        if not found:
            raise
        return dumps(mlflow.description_of_columns(found))
    raise BadResponse("The model took a request without columns, so it names none. Paste one request that works.")


def _message(refusal: Reply) -> str:
    """What it says, with every space: names of columns stand in it."""
    try:
        said = refusal.json()
    except BadResponse:
        return refusal.body.decode("utf-8", "replace")
    message = said.get("message") if isinstance(said, dict) else None
    return message if isinstance(message, str) else ""


# Settings to be copied


def public_settings(settings: Settings) -> dict[str, str]:
    """The settings of this endpoint by name, with words in place of each secret."""
    values = {"URL": settings.url}
    if settings.auth != "none":
        values["API_KEY"] = "user:password" if settings.auth == "basic" else "the-key-of-that-endpoint"
    if settings.auth != "bearer":
        values["AUTH"] = settings.auth
    if settings.headers:
        shown = {n: "the-secret" if CARRIES_A_SECRET.search(n) else v for n, v in settings.headers.items()}
        values["HEADERS"] = json.dumps(shown)
    own = {"DIALECT": settings.dialect, "TASK": settings.task, "SCHEMA": settings.schema}
    return values | {name: value for name, value in own.items() if value}


def note_for(place: str, url: str) -> str:
    """Why settings that are copied to this place do not reach an endpoint of this computer; "" where they do."""
    if not _is_of_this_computer(urlsplit(url).hostname or ""):
        return ""
    if place == "Azure CLI":
        return "This address is of this computer alone: the cloud cannot reach it."
    if place.startswith("Docker"):
        return (
            "In a container this address means the container itself. Write host.docker.internal in place of the host; "
            "on Linux Docker knows that name with --add-host=host.docker.internal:host-gateway (Compose: extra_hosts), "
            "and the endpoint must listen on more than 127.0.0.1."
        )
    return ""


def _is_of_this_computer(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


# Addresses


BARE = re.compile(r"(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|localhost|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?:[/?].*)?")


def completed(url: str) -> str:
    """An address that lacks only its beginning, with it: http on one's own computer and in private networks, else
    https. "" for any other."""
    bare = BARE.fullmatch(url)
    if bare is None:
        return ""
    host = bare["host"].strip("[]")
    try:
        is_near = ipaddress.ip_address(host).is_private
    except ValueError:
        is_near = _is_of_this_computer(host) or host.endswith((".local", ".internal"))
    return f"{'http' if is_near else 'https'}://{url}"


def about_address(url: str) -> str:
    """What can be told of this address without asking anybody; "" for most."""
    parts = urlsplit(url)
    host, path = (parts.hostname or "").lower(), parts.path.rstrip("/")
    if host.endswith(".azureml.net"):
        return (
            "This is an address of Azure ML Studio (classic), which Microsoft switched off on 31 August 2024. "
            "The model must be deployed anew, as an online endpoint of Azure Machine Learning for one."
        )
    if host == "ml.azure.com" or host == "portal.azure.com":
        return "This is a page for people. The scoring address stands on the endpoint’s tab Consume, as REST endpoint."
    if host == "api-inference.huggingface.co":
        return (
            f"Hugging Face has replaced this host. The new address is https://router.huggingface.co/hf-inference{path}."
        )
    if host in ("huggingface.co", "www.huggingface.co") and path.count("/") == 2:
        return (
            "This is the model’s page for people. Its address for programs is "
            f"https://router.huggingface.co/hf-inference/models{path}, if that service offers the model."
        )
    if re.search(r"/v2(/models)?$", path):
        model = url.partition("/v2")[0]
        return f"This is the address of a whole server. That of a model is {model}/v2/models/name/infer, with its name."
    if re.search(r"/(openapi|swagger|docs)(\.json|\.yaml)?$", path, re.IGNORECASE):
        return "This is the address of a description. Put it under Sample or description, and the scoring address here."
    return ""


# Keys


@dataclass(frozen=True)
class Issuer:
    """A service whose keys can be told by their looks."""

    name: str
    hosts: re.Pattern[str]
    keys: re.Pattern[str]
    looks: str = ""  # how its keys look, where all of them do
    dialect: str = ""  # others speak its protocol and give out such keys
    shared: bool = False  # others give out keys of these looks too


def _issuer(name: str, hosts: str, keys: str, looks: str = "", dialect: str = "", *, shared: bool = False) -> Issuer:
    return Issuer(name, re.compile(rf"(?:.*\.)?(?:{hosts})"), re.compile(keys), looks, dialect, shared)


TOKEN = r"eyJ[\w-]+\.[\w-]+\.[\w-]*"  # noqa: S105 - the looks of a JWT (RFC 7519): base64 of {" and two dots
AZURE = r"[0-9a-f]{32}|[A-Za-z0-9]{32}|[A-Za-z0-9]{84}"
ISSUERS = (
    _issuer(
        "Hugging Face", r"huggingface\.co|huggingface\.cloud|hf\.space", r"hf_\w{16,}|api_\w{30,}", "begin with hf_"
    ),
    _issuer("Anthropic", r"anthropic\.com", r"sk-ant-[\w-]{16,}", "begin with sk-ant-"),
    _issuer("OpenRouter", r"openrouter\.ai", r"sk-or-[\w-]{16,}", "begin with sk-or-"),
    _issuer("OpenAI", r"openai\.com", r"sk-(?!ant-|or-)[\w-]{16,}", "begin with sk-", "openai"),
    _issuer("Groq", r"groq\.com", r"gsk_\w{16,}", "begin with gsk_"),
    _issuer("NVIDIA", r"nvidia\.com", r"nvapi-[\w-]{16,}", "begin with nvapi-"),
    _issuer("Replicate", r"replicate\.com", r"r8_\w{16,}", "begin with r8_"),
    _issuer(
        "GitHub", r"github\.com|github\.ai|models\.inference\.ai\.azure\.com", r"gh[pousr]_\w{16,}|github_pat_\w{16,}"
    ),
    _issuer(
        "Databricks",
        r"databricks\.com|azuredatabricks\.net|databricksapps\.com",
        rf"dapi[0-9a-f]{{32}}(?:-\d+)?|{TOKEN}",
        "begin with dapi",
    ),
    _issuer("Google", r"googleapis\.com|goog", rf"AIza[\w-]{{35}}|ya29\.[\w.-]+|{TOKEN}", "begin with AIza or ya29."),
    _issuer("AWS", r"amazonaws\.com", r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    _issuer(
        "Azure ML Studio (classic)",
        r"azureml\.net",
        r"[A-Za-z0-9+/]{86}==",
        "have 88 characters and end with ==",
        "aml_classic",
        shared=True,
    ),
    _issuer(
        "Azure Machine Learning",
        r"inference\.ml\.azure\.com",
        rf"{AZURE}|{TOKEN}",
        "have 32 or 84 letters and digits",
        "azureml",
        shared=True,
    ),
    _issuer(
        "Azure", r"azure\.com|azure\.net|azurewebsites\.net|azurecontainerapps\.io", f"{AZURE}|{TOKEN}", shared=True
    ),
)


def about_key(key: str, url: str, dialect: str) -> str:
    """Why this key may not be one for this address, judged by its looks alone; "" when nothing speaks against it."""
    host = (urlsplit(url).hostname or "").lower()
    home = next((one for one in ISSUERS if one.hosts.fullmatch(host)), None)
    if not key or re.fullmatch(TOKEN, key) or (home is not None and home.keys.fullmatch(key)):
        return _about_token(key)
    giver = next((one for one in ISSUERS if one.keys.fullmatch(key)), None)
    if giver is not None and giver.dialect != dialect and (home is not None or not giver.shared):
        return f"It looks like a key of {giver.name}{f', and the address is one of {home.name}' if home else ''}."
    if home is not None and home.looks:
        return f"Keys of {home.name} {home.looks}, and this one does not."
    return ""


def _about_token(key: str) -> str:
    """When a JWT runs out (RFC 7519, 4.1.4). Its signature is none of our business."""
    if not re.fullmatch(TOKEN, key) or len(key) > MOST_OF_TOKEN:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(key.split(".")[1] + "=="))
        left = float(claims["exp"]) - time.time()
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        left = float("nan")
    if left <= 0:
        return "It is an access token, and its time is over. Fetch a new one."
    if left < 86_400:
        return f"It is an access token that runs out in {max(1, round(left / 60)):,} minutes. A key lasts longer."
    return ""


# Failures


def advice(error: EndpointError, settings: Settings, *, of_description: bool = False) -> str:
    """What the owner can do about this failure, in a sentence or two; "" where the error's own words say it all.

    `of_description` is for the failure of an inspection, which does not know the scoring address yet.
    """
    is_missing = isinstance(error, NoSuchEndpoint | Unsupported)
    said = NO_DESCRIPTION if of_description and is_missing else _advice(error, settings)
    return " ".join(part for part in (about_address(settings.url), said) if part)


def _advice(error: EndpointError, settings: Settings) -> str:
    parts = urlsplit(settings.url)
    host, path = parts.netloc, parts.path or "/"
    if isinstance(error, Unreachable):
        return _advice_unreachable(error, parts)
    if isinstance(error, TlsFailed):
        return _advice_tls(error)
    if isinstance(error, KeyRefused):
        return _advice_key(error, settings)
    if isinstance(error, Redirected):
        return "Put the address that it points to into the field, if that host may have the key."
    if isinstance(error, Loading):
        return "Nothing is wrong with the settings. Try again in a minute or two."
    if isinstance(error, NoSuchEndpoint | Unsupported):
        return (
            f"The host answers, but takes no scoring request at {path}. Copy the address that takes the POST from the "
            "service’s page; it often ends with /score, /predict, /infer or /invocations."
        )
    if isinstance(error, ConnectionLost) and parts.scheme == "http":
        return "If the service speaks TLS, let the address begin with https://."
    if isinstance(error, TimedOut):
        return f"Check that {host} can be reached from this computer, and whether the service sleeps while nobody asks."
    if isinstance(error, BadResponse) and "web page" in error.detail:
        return (
            "A web page came back: a sign-in page, a proxy’s notice or the service’s own site. "
            "The address that takes the POST answers in JSON."
        )
    return ""


def _advice_unreachable(error: Unreachable, parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "no host" in error.detail:
        return (
            f"Check the spelling of {host}. The name of a private endpoint is known inside its own network only: "
            "is the VPN on?"
        )
    if "in time" in error.detail:
        return f"A firewall may stand before {host}, or it is reached from its own network only."
    if "proxy" in error.detail:
        return "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY."
    return f"Nothing listens at {parts.netloc}. Is the service running, and is the port right?"


def _advice_tls(error: TlsFailed) -> str:
    if "certificate" not in error.detail:
        return "Let the address begin with http://, if the service is on a network that you trust."
    if "expired" in error.detail:
        return "Whoever runs the endpoint must renew its certificate."
    return (
        "If the certificate is from an authority of your company’s own, name the file with that authority’s "
        "certificate in REQUESTS_CA_BUNDLE and restart."
    )


def _advice_key(error: KeyRefused, settings: Settings) -> str:
    if settings.auth == "none":
        return "No key was sent. Give one, or choose how it is sent."
    style = {"bearer": "as Authorization: Bearer", "basic": "as user and password"}.get(settings.auth, settings.auth)
    looks = about_key(settings.api_key, settings.url, dialects.name(_known_dialect(settings) or dialects.raw))
    refused = (
        "The service knows the key but does not let it in: it lacks the right, or calls from this network are barred."
        if error.upstream_status == 403
        else f"The key was sent {style}. Check that it is whole, of this very endpoint, and sent as the service wants."
    )
    return f"{looks} {refused}".strip()


def problems_by_field(error: SettingError) -> dict[str, str]:
    """The lines of a wrong setting by the setting's name; what names none stands under ""."""
    found: dict[str, str] = {}
    for line in (error.detail or str(error)).splitlines():
        match = re.match(r"(URL|API_KEY|AUTH|HEADERS|SCHEMA|DIALECT|TASK):? (.+)", line)
        name, said = (match[1], match[2]) if match else ("", line)
        found.setdefault(name, said[:1].upper() + said[1:])
    return found
