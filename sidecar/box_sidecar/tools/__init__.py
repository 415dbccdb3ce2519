"""The command line's own commands. The process that serves, and so holds the key, imports none of them."""
