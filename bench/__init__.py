"""How fast FlaskAppAML is, beside what people would otherwise use: `python -m bench`. docs/speed.md explains it."""
