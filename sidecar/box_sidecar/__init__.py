"""Box tokens for web pages: the one process that holds the key."""

__version__ = "0.1.0"
