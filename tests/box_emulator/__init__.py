"""Box as its documents and its users' bug reports describe it: a strict stand-in for tests and demonstrations."""
