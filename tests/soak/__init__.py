"""Kills while jobs come in: `make soak`. The short form of it is in tests/test_jobs_killed.py."""
