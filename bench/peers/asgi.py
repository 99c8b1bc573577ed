"""The service's application, for any ASGI server."""

import os

from container.service.app import Service
from container.service.settings import Settings
from container.service.stores import store_of

settings = Settings.from_variables(os.environ)
app = Service(settings, store_of(settings)).application()
