"""`/connect`: the owner looks at another endpoint, tries it once, and uses it or copies its settings. On this computer
only; for everybody else there is no such page.

The key comes with each submission and goes with it: no page, file or variable holds it until *Use it* makes it a
setting. With script the browser leaves it in its field.
"""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, current_app, g, render_template, request
from werkzeug.datastructures import MultiDict

from .. import connect, curl, dialects, env_file, forms
from ..answers import Forgetful, answer_id
from ..connect import PROTOCOLS, Found, about_address, about_key, advice, inspect, problems_by_field, public_settings
from ..endpoint import Endpoint
from ..errors import BadResponse, EndpointError, KeyRefused, NoSuchEndpoint, PageNotFound, SettingError, WrongInput
from ..forms import SchemaForm
from ..parsers import KEY_IN_QUERY, prefix_of
from ..prediction import Question
from ..reading.json_or_yaml import read_text
from ..schema import without_files
from ..settings import SHORTEST_PART, Settings, env_path, read_environment
from ..wire import dumps
from . import pictures, view
from .errors import LONGEST_CODE, endpoint_words, short
from .predictions import scored_document
from .rate_limits import count_submission
from .security import is_owner
from .site import Site, site

PREFIX = "connect-"  # of the names in the form, where the model's own fields stand too
OF_THE_ENDPOINT = ("url", "api_key", "auth", "headers", "dialect", "task", "schema")
OF_THE_FORMER = ("FORM", "EXAMPLES")  # they name fields that the next model will not have
NAMED_AUTH = ("header", "query")
KEY_AGAIN = "Type it again, since it is not sent back to the browser; or choose that none is needed."
TWINS = "A request with instances fits MLflow and TensorFlow Serving alike. Choose the one that it is under Protocol."
COMPLETED = "Must begin with https:// or http://. Now it does: check it, and press Inspect."
KEY_OF_CURL = "The one that stood in the curl command is not kept: paste it here, and press Inspect."
MOST_CHOICES = 20

_writing = threading.Lock()


def install(app: Flask) -> None:
    here: Site = app.extensions["site"]
    if not here.local or here.settings.connect_page != "local":
        return
    app.extensions["tries"] = Forgetful()
    app.add_url_rule("/connect", "connect", look, methods=["GET"])
    app.add_url_rule("/connect", "connect_to", act, methods=["POST"])
    app.teardown_request(_forget_secrets)


@dataclass(frozen=True)
class Given:
    """What stands in the form, as typed; `model` is the one of several that is meant."""

    url: str = ""
    api_key: str = ""
    auth: str = "bearer"
    auth_name: str = ""
    headers: str = ""
    schema: str = ""
    dialect: str = ""
    task: str = ""
    model: str = ""
    at: str = ""  # the path of an operation that was chosen from the list

    def environ(self) -> dict[str, str]:
        """As settings are given. Raises SettingError."""
        named = f"{self.auth}:{self.auth_name}" if self.auth in NAMED_AUTH else self.auth
        found = {
            "URL": self.url,
            "API_KEY": self.api_key,
            "AUTH": named,
            "HEADERS": self.headers,
            "SCHEMA": _in_one_line(self.schema),
            "DIALECT": self.dialect,
            "TASK": self.task,
        }
        return {name: value for name, value in found.items() if value}

    def secrets(self) -> list[str]:
        """What of it must not be seen, even where it is no valid setting."""
        return [part for part in (self.api_key, self.headers) if len(part) >= SHORTEST_PART]

    def shown(self) -> Given:
        """What the page may say again."""
        has_key = KEY_IN_QUERY.search(self.url.partition("?")[2])
        return replace(self, api_key="", headers="", url=self.url.partition("?")[0] if has_key else self.url)


@dataclass(frozen=True)
class Used:
    """What *Use it* did: the settings that it wrote to `path` ("" for the demo's, which are not written), and those
    that a restart would find otherwise."""

    host: str
    path: str = ""
    names: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    text: str = field(default="", repr=False)


@dataclass(frozen=True)
class Shown:
    """What the page says. `problems` by the setting's name; "" is for what belongs to none."""

    given: Given
    problems: dict[str, str]
    found: Found | None = None
    settings: Settings | None = None
    form: SchemaForm | None = None
    wrong: dict[str, str] | None = None  # of the model's fields
    answer: view.Answer | None = None
    failure: EndpointError | None = None
    used: Used | None = None
    notes: tuple[tuple[str, str], ...] = ()


def look() -> str:
    """The empty form; one of the demo's models inspected (`?demo=reviews`); or what a model has now (`?model=...`)."""
    _for_the_owner()
    demo = site().demos.get(request.args.get("demo", ""))
    if demo is not None:
        return _page(_inspected(_given_by(demo), "inspect"))
    now = site().models.get(request.args.get("model", ""))
    return _page(Shown(_given_by(now.settings) if now else Given(), {}))


def act() -> str:
    """One of the three buttons, an operation chosen from a list, or the question for columns."""
    _for_the_owner()
    typed = {
        name.removeprefix(PREFIX): value.strip() for name, value in request.form.items() if name.startswith(PREFIX)
    }
    given = Given(**{one.name: typed[one.name] for one in fields(Given) if one.name in typed})
    _learn_secrets(given.secrets())
    pressed = request.form.getlist("do")
    if whole := connect.completed(given.url):
        return _page(Shown(replace(given, url=whole), {"URL": COMPLETED}))
    if curl.is_curl(given.schema):
        return _page(_of_curl(given))
    if pressed == ["columns"]:
        return _page(_with_columns(given))
    return _page(_inspected(given if pressed else _moved(given), _button(pressed)))


def _moved(given: Given) -> Given:
    """To the operation that was chosen, at the host that was typed."""
    try:
        parts = urlsplit(given.url)
    except ValueError:
        return given
    is_path = given.at.startswith("/") and parts.netloc
    return replace(given, url=urlunsplit((*parts[:2], given.at, parts.query, ""))) if is_path else given


def _of_curl(given: Given) -> Shown:
    """A curl command in place of a sample: what it says goes into the fields, but for the key, which no page holds."""
    emptied = replace(given, schema="")
    try:
        found = curl.read(given.schema)
    except ValueError as error:
        return Shown(emptied, {"SCHEMA": f"This curl command cannot be read: {error}. Paste its body alone."})
    _learn_secrets([secret for secret in found.secrets if len(secret) >= SHORTEST_PART])
    if found.lacks:
        return Shown(replace(emptied, url=given.url or found.url), {"SCHEMA": f"Of this curl command {found.lacks}."})
    auth, _, name = found.auth.partition(":")
    style = {"auth": auth, "auth_name": name} if auth else {}
    read = replace(given, url=given.url or found.url, schema=found.body, **style)
    others = f" Further headers in it: {', '.join(found.others)}." if found.others else ""
    notes = (("Read from", f"the curl command that was pasted.{others}"),)
    if found.secrets and not given.api_key:
        return Shown(read, {"API_KEY": KEY_OF_CURL + others})
    return replace(_inspected(read, "inspect"), notes=notes)


def _with_columns(given: Given) -> Shown:
    """Asks the model itself, once; what it says stands under Sample or description from then on."""
    shown = _inspected(given, "inspect")
    if shown.found is None or shown.settings is None or not connect.may_be_asked_for_columns(shown.found):
        return shown
    if shown.settings.auth == "none" != given.auth:
        return replace(shown, problems={"API_KEY": KEY_AGAIN})
    count_submission()
    try:
        schema = connect.columns(shown.found.endpoint)
    except EndpointError as error:
        return replace(shown, failure=_for_its_reader(error))
    notes = (("Columns", "as the model named them when it refused an empty request; kept under Sample or description"),)
    return replace(_inspected(replace(given, schema=schema), "inspect"), notes=notes)


def _for_its_reader(error: EndpointError) -> EndpointError:
    """Its words are for visitors, who have an owner; here the owner reads, and the key is the one just typed."""
    error.turn = error.turn.replace("The owner of this app: ", "Yours: ")
    if isinstance(error, KeyRefused):
        error.detail = "The model was called with the key as it was typed, and did not take it."
        error.turn, error.again = "Yours: check the key, and how it is sent.", "With another one."
    return error


def _button(pressed: list[str]) -> str:
    """A field of the model's may be called like our buttons, and come with a value of the endpoint's choice: then the
    one that changes nothing counts."""
    return pressed[0] if len(pressed) == 1 else "inspect"


def _for_the_owner() -> None:
    if not is_owner():
        raise PageNotFound


def _learn_secrets(secrets: list[str]) -> None:
    """For the time of this request: neither its page nor its lines in the log show them."""
    g.lent = [*g.get("lent", []), *secrets]
    site().redact.learn(secrets)


def _forget_secrets(_: BaseException | None) -> None:
    lent = g.pop("lent", None)
    if lent is not None:
        site().redact.forget(lent)


def _given_by(settings: Settings) -> Given:
    auth, _, name = settings.auth.partition(":")
    known = {one: getattr(settings, one) for one in ("url", "schema", "dialect", "task")}
    return Given(auth=auth, auth_name=name, model=settings.name if site().settings.models else "", **known)


def _in_one_line(text: str) -> str:
    """A sample or description as one line of JSON, as settings want it. Raises SettingError."""
    if "\n" not in text:
        return text
    try:
        return dumps(read_text(text))
    except BadResponse as error:
        raise SettingError(f"SCHEMA is neither JSON nor YAML. {error.detail}") from None


# The three buttons


def _inspected(given: Given, button: str) -> Shown:
    """Everything begins with an inspection: the form to try and the settings to use come from it."""
    try:
        settings = _settings(given, button)
        _learn_secrets(list(settings.secrets()))
        found = inspect(settings)
    except SettingError as error:
        return Shown(given, problems_by_field(error))
    shown = Shown(given, {}, found, settings, _bound_form(found))
    if button not in ("try", "use"):
        return shown
    if settings.auth == "none" != given.auth:
        return replace(shown, problems={"API_KEY": KEY_AGAIN})
    return _used(shown, given, settings) if button == "use" else _tried(shown, found)


def _settings(given: Given, button: str) -> Settings:
    """The settings to inspect: those typed, with the rest as they are now. Raises SettingError."""
    environ = given.environ()
    if not given.url and (button in ("try", "use") or not given.schema):
        raise SettingError("URL is missing.")
    if given.auth in NAMED_AUTH and not given.auth_name:
        raise SettingError("AUTH needs a name: of the header, or of the part of the address.")
    typed = Settings.read(environ)
    own = {name: getattr(typed, name) for name in OF_THE_ENDPOINT}
    demo = _demo(given)
    if demo is not None:
        return replace(demo, **{**own, "api_key": demo.api_key, "auth": demo.auth})
    if not given.api_key and given.auth != "none":
        own["auth"] = "none"
    now = _now(given)
    of_its_own = {} if now.url == given.url else {"form": "", "examples": "", "title": "", "description": ""}
    return replace(now, **{**own, **of_its_own}, models=(), each=())


def _demo(given: Given) -> Settings | None:
    """The demo's settings, whose key nobody sees, when it is the demo that is meant."""
    if given.api_key:
        return None
    return next((demo for demo in site().demos.values() if demo.url == given.url), None)


def _now(given: Given) -> Settings:
    """What is in force: the settings of the app, or those of the one of its models that is meant."""
    whole = site().settings
    return next((one for one in whole.each if one.name == given.model), whole.each[0] if whole.each else whole)


def _bound_form(found: Found) -> SchemaForm:
    """What was typed for the model, where it was typed for this very form."""
    form_class = forms.form_class(found.schema)
    names = set(form_class.specimens)
    if names.isdisjoint(request.form) and names.isdisjoint(request.files):
        return form_class()
    return form_class(MultiDict(request.form), files=request.files)


def _tried(shown: Shown, found: Found) -> Shown:
    """One call, and only one, however often the button is pressed."""
    for listed in request.files.listvalues():
        for file in listed:
            file.seek(0)  # the inspection read it for the form that it shows
    form = forms.form_class(found.schema)(request.form, files=request.files)
    form.read_pictures(found.endpoint.settings.image_max_side)
    if not form.validate():
        return replace(shown, form=form, wrong=form.wrong())
    try:
        row = form.row()
    except WrongInput as error:
        return replace(shown, form=form, wrong=error.fields)
    count_submission()
    key = answer_id(request.form.get("_once", ""), [found.endpoint.url, without_files(row)])
    tries: Forgetful = current_app.extensions["tries"]
    document = tries.once(key, lambda: _document(found, form, key))
    if "error" in document:
        failure = g.pop("first_error", None) or EndpointError.revive(document["error"])
        form.mark(form.schema.by_wire_name(failure.fields))
        return replace(shown, form=form, failure=_for_its_reader(failure))
    document = site().redact.document(document)
    return replace(shown, form=form, answer=view.Answer(document, picture=pictures.shown(document, form)))


def _document(found: Found, form: SchemaForm, id: str) -> dict[str, Any]:
    """As on the model's own page, by the endpoint that is tried."""
    g.model = found.endpoint
    try:
        return scored_document(id, Question.of(form))
    finally:
        g.pop("model")


# Using it


def _used(shown: Shown, given: Given, settings: Settings) -> Shown:
    """Writes `.env`, then swaps the endpoint in this process; the demo's settings are never written."""
    try:
        with _writing:
            used, settings = _kept(given, settings)
            whole, endpoint = _with(settings, given)
            if used.path:
                env_file.write(env_path(), used.text)
            _swap(whole, endpoint, is_demo=not used.path)
    except SettingError as error:
        return replace(shown, problems=problems_by_field(error))
    return Shown(Given(), {}, settings=settings, used=used)


def _with(settings: Settings, given: Given) -> tuple[Settings, Endpoint]:
    """The settings of the app with this endpoint in them, and the endpoint. Raises SettingError."""
    whole = site().settings
    if not whole.models:
        return settings, Endpoint(settings)
    own = replace(settings, name=_now(given).name)
    each = tuple(own if one.name == own.name else one for one in whole.each)
    return replace(whole, each=each), Endpoint(own)


def _swap(whole: Settings, endpoint: Endpoint, *, is_demo: bool) -> None:
    """Another endpoint from now on, for whoever asks. Calls on their way to the former one end as they began."""
    here = site()
    here.redact.learn(whole.secrets())
    models = {**here.models, endpoint.name: endpoint} if whole.models else {endpoint.name: endpoint}
    g.site = current_app.extensions["site"] = replace(here, settings=whole, models=models, demo=is_demo)
    current_app.extensions["frames"] = {}
    here.answers.forget()  # under their links they would seem to come from the new one


def _kept(given: Given, settings: Settings) -> tuple[Used, Settings]:
    """What is to be written, and the settings as a restart would find them but for what the environment overrides.

    Raises SettingError when there could be no restart.
    """
    if _demo(given) is not None:
        return Used(urlsplit(settings.url).netloc), settings
    now, path, models = _now(given), env_path(), site().settings.models
    prefix = prefix_of(now.name) if models else ""
    own = {name: value for name, value in given.environ().items() if (name, value) != ("AUTH", "bearer")}
    changes = {f"{prefix}{name.upper()}": own.get(name.upper()) for name in OF_THE_ENDPOINT}
    former = OF_THE_FORMER if now.url != settings.url else ()
    retired = tuple(f"{prefix}{name}" for name in ("API_KEY_FILE", "HEADERS_FILE", *former))
    text = env_file.changed(env_file.read(path), changes, retired)
    try:
        after = read_environment(text)
    except SettingError as error:
        raise SettingError(f"After a restart the app would not start; nothing was written. {error.detail}") from None
    after = next((one for one in after.each if one.name == now.name), after) if models else after
    lost = [f"{prefix}{name.upper()}" for name in OF_THE_ENDPOINT if getattr(after, name) != getattr(settings, name)]
    lost += [f"{prefix}{name}" for name in former if os.environ.get(f"{prefix}{name}")]
    names = tuple(name for name, value in changes.items() if value)
    settings = replace(settings, title=after.title, description=after.description)
    return Used(urlsplit(settings.url).netloc, str(path), names, tuple(lost), text), settings


# The page


def _page(shown: Shown) -> str:
    failure = shown.failure
    return render_template(
        "connect.html",
        shown=shown,
        given=shown.given.shown(),
        once=secrets.token_hex(16),
        protocols=PROTOCOLS,
        tasks=dialects.TASKS,
        demos={name: demo.title for name, demo in site().demos.items()},
        facts=[*shown.notes, *_facts(shown.found, shown.settings, failure)] if shown.found and shown.settings else [],
        choices=shown.found.choices[:MOST_CHOICES] if shown.found else (),
        asks_for_columns=_asks_for_columns(shown),
        blocks=_blocks(shown.settings) if shown.settings and shown.settings.url else [],
        is_demo=_demo(shown.given) is not None,
        env_path=str(env_path()),
        failure=failure,
        advice=advice(failure, shown.settings) if failure and shown.settings else "",
        words=endpoint_words(failure) if failure else "",
        code=short(failure.code, LONGEST_CODE) if failure else "",
        retry="",
    )


def _asks_for_columns(shown: Shown) -> bool:
    has_address = shown.settings is not None and bool(shown.settings.url)
    return has_address and shown.found is not None and connect.may_be_asked_for_columns(shown.found)


def _blocks(settings: Settings) -> list[tuple[str, str, str]]:
    """The settings for each place, with a note where they would not do there."""
    return [
        (place, text, connect.note_for(place, settings.url))
        for place, text in env_file.blocks(public_settings(settings))
    ]


def _facts(found: Found, settings: Settings, of_try: EndpointError | None) -> list[tuple[str, str]]:
    """What was found, as pairs; `of_try` is why a try failed."""
    failure, schema = found.failure, found.schema
    if found.choices:
        more = len(found.choices) - MOST_CHOICES
        said = f"{len(found.choices)} operations, of which the first {MOST_CHOICES} stand here"
        return [("Description", said)] * (more > 0) + [("Key", _about_key(found, settings, of_try))]
    facts = [("Protocol", f"{found.protocol}, {found.why}")]
    if failure is None:
        read = f", in {view.duration(found.seconds * 1000)}" if found.was_asked else ""
        facts.append(("Form from", f"{schema.source or 'the protocol alone'}{read}"))
    else:
        status = f" ({view.status_words(failure.upstream_status)})" if failure.upstream_status else ""
        is_missing = isinstance(failure, NoSuchEndpoint)
        said = "none where its protocol has one" if is_missing else failure.detail or failure.lead or failure.said
        facts.append(("Description", f"{said}{status}"))
        facts.append(("What to do", advice(failure, settings, of_description=True) or failure.turn))
    if schema.url and settings.url and schema.url != settings.url:
        facts.append(("Sends to", schema.url))
    if settings.url:
        facts.append(("Key", _about_key(found, settings, of_try)))
    notes = [about_address(settings.url) if failure is None and not schema.url else "", found.doubt]
    notes.append(TWINS if found.twins else "")
    return facts + [("Note", note) for note in notes if note]


def _about_key(found: Found, settings: Settings, of_try: EndpointError | None) -> str:
    looks = about_key(settings.api_key, settings.url, found.schema.dialect)
    if isinstance(found.failure, KeyRefused):
        said = "Refused."
    elif isinstance(of_try, KeyRefused):
        said = "Refused by the model."
    elif settings.auth == "none":
        said = "None was sent."
    elif (found.failure is None or found.choices) and found.was_asked:
        said = "Not refused for the description. Whether it opens the model, only a try tells."
    else:
        said = "Not tried yet."
    return f"{said} {looks}".strip()
