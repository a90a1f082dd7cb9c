"""Um estudante apressado: células fora de ordem e repetidas não estragam o caderno."""

import os
import random

import nbformat
import pytest
from nbclient import NotebookClient

from tools import notebooks as tool

os.environ.setdefault("ATTENTION_LAB_SILENCIO", "1")
NAMES = sorted(path.stem for path in tool.NOTEBOOKS.glob("*.ipynb"))


def mark(name: str):
    """O caderno 03 vai com os do Colab; os outros, que levam minutos, à mão."""
    quick = name.startswith("03")
    return pytest.mark.colab if quick else pytest.mark.hostile


def text_of(outputs: list) -> list:
    """O que se compara de uma saída: os textos, sem as imagens."""
    texts = []
    for output in outputs:
        if output.output_type == "stream":
            texts.append(output.text)
        elif output.output_type == "error":
            texts.append(f"{output.ename}: {output.evalue}")
        else:
            texts.append(output.data.get("text/plain", ""))
    return texts


def execute(name: str, cells: list) -> list:
    """Roda as células num kernel, sem parar nos erros; devolve-as com as saídas."""
    notebook = nbformat.read(tool.NOTEBOOKS / f"{name}.ipynb", as_version=4)
    notebook.cells = nbformat.from_dict(
        [dict(cell, id=f"c{i}", outputs=[]) for i, cell in enumerate(cells)]
    )
    client = NotebookClient(
        notebook,
        timeout=tool.CELL_TIMEOUT,
        allow_errors=True,
        resources={"metadata": {"path": str(tool.NOTEBOOKS)}},
        kernel_name="python3",
    )
    client.execute()
    return notebook.cells


def code_cells(name: str) -> list:
    notebook = nbformat.read(tool.NOTEBOOKS / f"{name}.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", [pytest.param(n, marks=mark(n)) for n in NAMES])
def test_going_back_after_run_all(name):
    """Depois de "executar tudo", volta-se de célula em célula, do fim ao começo."""
    code = code_cells(name)
    again = execute(name, [*code, *reversed(code)])[len(code) :]
    for cell in again:
        assert not [o for o in cell.outputs if o.output_type == "error"], cell.source


@pytest.mark.parametrize("name", [pytest.param(n, marks=mark(n)) for n in NAMES])
def test_out_of_order_and_twice_then_run_all(name):
    """Depois de qualquer bagunça, "executar tudo" dá as mesmas saídas."""
    code = code_cells(name)
    start, mess = code[0], code[1:]
    random.Random(0).shuffle(mess)
    cells = [start, *mess, *(cell for c in code for cell in (c, c))]
    tidy = execute(name, cells)[len(code) :]
    for cell, once, twice in zip(code, tidy[::2], tidy[1::2], strict=True):
        assert not [o for o in twice.outputs if o.output_type == "error"], cell.source
        if "nbval-ignore-output" not in cell.metadata.get("tags", []):
            assert text_of(tool.clean_outputs(once.outputs)) == text_of(cell.outputs)
