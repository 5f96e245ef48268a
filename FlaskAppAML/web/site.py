"""What every page needs: the site's own parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app, g

from ..answers import Answers, Forgetful
from ..endpoint import Endpoint
from ..errors import NotConfigured, PageNotFound
from ..jobs import Jobs
from ..redact import Redactor
from ..settings import Settings
from .assets import Assets


@dataclass(frozen=True)
class Site:
    """The parts that `create_app` joined. `models` by name, in the owner's order; empty while nothing is configured.
    `demos` are settings for each model of a demo endpoint that runs beside this app.
    """

    settings: Settings
    models: dict[str, Endpoint]
    answers: Answers | Forgetful
    assets: Assets
    redact: Redactor
    local: bool
    demo: bool
    demos: dict[str, Settings] = field(default_factory=dict)

    @property
    def model(self) -> Endpoint:
        """The model that this request asks for, or the first. Raises NotConfigured."""
        chosen: Endpoint | None = self.chosen
        if chosen is None:
            raise self._not_configured()
        return chosen

    def _not_configured(self) -> NotConfigured:
        return NotConfigured(f"Missing: {', '.join(self.settings.missing())}.")

    @property
    def chosen(self) -> Endpoint | None:
        return g.get("model") or next(iter(self.models.values()), None)

    @property
    def path(self) -> str:
        """Where this request's form is."""
        return f"/models/{self.model.name}" if len(self.models) > 1 else "/"

    def choose(self, name: str) -> None:
        """Makes `name` the model of this request. Raises PageNotFound, or NotConfigured where a setting is missing."""
        if name not in self.models:
            raise self._not_configured() if name in self.settings.models else PageNotFound()
        g.model = self.models[name]

    @property
    def title(self) -> str:
        """Of the whole app: the owner's, or that of its one model."""
        first = next(iter(self.models.values()), None)
        return self.settings.title or (first.title if first and len(self.models) == 1 else "FlaskAppAML")


def jobs() -> Jobs:
    """The engine of background jobs."""
    found: Jobs = current_app.extensions["jobs"]
    return found


def site() -> Site:
    """The site of the running request: the one that it began with, or a form could be of one endpoint and the call to
    another, chosen meanwhile."""
    found: Site | None = g.get("site")
    if found is None:
        found = g.site = current_app.extensions["site"]
    return found
