"""The service's application, for any ASGI server to run."""

import os

from container.service.__main__ import store
from container.service.app import Service
from container.service.settings import Settings

settings = Settings.from_variables(os.environ)
app = Service(settings, store(settings)).application()
