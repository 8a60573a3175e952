"""The database backend that settings name; Django looks for its `DatabaseWrapper` here."""

import time

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Asked before a request or task uses a connection that was kept open (CONN_HEALTH_CHECKS).

        A connection that takes longer to answer than a new one may take to be made is not usable: over it
        every statement of a request would wait as long.
        """
        began = time.monotonic()
        usable = super().is_usable()
        return usable and time.monotonic() - began < float(self.settings_dict["OPTIONS"]["connect_timeout"])
