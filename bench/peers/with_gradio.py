"""The same model as a Gradio interface: `python -m bench.peers.with_gradio PORT URL [unlimited]`."""

from __future__ import annotations

import sys
from typing import Any

import gradio
import requests

from bench.peers import API_KEY

session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=1000))


def predict(title: str, category: str, text: str) -> Any:
    values = [[title, category, text.lower()]]
    body = {
        "Inputs": {"input1": {"ColumnNames": ["Title", "Category", "Text"], "Values": values}},
        "GlobalParameters": {},
    }
    response = session.post(sys.argv[2], json=body, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30)
    response.raise_for_status()
    return response.json()


def main() -> None:
    unlimited = "unlimited" in sys.argv
    boxes = [gradio.Textbox(label="Title"), gradio.Textbox(label="Category"), gradio.Textbox(label="Text", lines=5)]
    page = gradio.Interface(predict, boxes, gradio.JSON(label="Answer"), api_name="predict")
    if unlimited:
        page.queue(default_concurrency_limit=None)
    threads = 1000 if unlimited else 40  # 40 is its default
    page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True, max_threads=threads)


if __name__ == "__main__":
    main()
