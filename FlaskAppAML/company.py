"""The form of the original company clustering service: what is asked where an endpoint describes nothing."""

from __future__ import annotations

from .schema import Field, Schema

SCHEMA = Schema(
    fields=(
        Field(
            name="title",
            column="Title",
            input="input1",
            label="Title",
            help="The company’s name.",
            min_length=2,
            max_length=30,
        ),
        Field(
            name="category",
            column="Category",
            input="input1",
            label="Category",
            help="Its line of business.",
            max_length=30,
            required=False,
        ),
        Field(
            name="text",
            column="Text",
            input="input1",
            label="Text",
            help="What the company does.",
            min_length=1,
            max_length=1000,
            lower=True,
            widget="textarea",
        ),
    ),
    envelope="table",
    subject="title",
    source="the company form, because the endpoint describes nothing",
)
