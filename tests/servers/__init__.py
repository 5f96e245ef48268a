"""Real model servers for `test_servers.py`: one small app for each, all with the same model of iris flowers.

The apps run in processes and mostly in environments of their own, so they import nothing of ours but `servers.iris`.
"""
