"""What people would otherwise use, each written as its own documentation would have it."""

API_KEY = "k" * 32
