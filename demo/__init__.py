"""A scoring endpoint that runs here: companies, clustered by what they do.

It speaks the Azure ML Studio (classic) Request-Response protocol and needs only the standard
library.
"""
