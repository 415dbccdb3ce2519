"""Box tokens for web pages: the one process that holds the key."""

import os

__version__ = "0.1.0"

#: Whether the environment asked for the keys of our TLS connections in a file (SSLKEYLOGFILE), and with them for the
#: app's secret and every token. Removed before anything that makes a TLS context is imported.
TLS_KEYS_WANTED = os.environ.pop("SSLKEYLOGFILE", None) is not None
