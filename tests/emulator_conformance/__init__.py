"""The emulator's own tests: Box's clients and Box's description say whether it is like Box."""
