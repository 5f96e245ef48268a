"""The file that Azure App Service and `flask` look for. The application itself is `FlaskAppAML.app`."""

from FlaskAppAML import app

__all__ = ["app"]
