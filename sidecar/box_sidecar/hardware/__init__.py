"""The app's private key in hardware, over PKCS#11: imported only where ``box.key`` is set, and nothing else of it."""
