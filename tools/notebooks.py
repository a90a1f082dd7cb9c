"""Reexecuta os cadernos e os deixa na forma em que são guardados.

    python tools/notebooks.py                 executa e normaliza todos
    python tools/notebooks.py 03 05           só estes (número ou caminho)
    python tools/notebooks.py --normalise 03  normaliza sem executar
    python tools/notebooks.py --check         só confere; sai com 1 se algum mudaria

Cada caderno roda num kernel novo. Se uma célula falha ou escreve em stderr, o
programa diz qual e deixa o arquivo como estava. O texto da célula de início e o do
selo do Colab moram aqui; o endereço do curso, no pyproject.toml.
"""

import argparse
import hashlib
import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
CELL_TIMEOUT = 600  # segundos: só para não esperar para sempre
MACHINE_PATH = re.compile(
    re.escape(str(ROOT))
    + r"|/(?:home|root|Users|tmp|var/folders)/\w|[A-Z]:\\+Users|site-packages"
)

START_CELL = """\
# Célula de início: igual em todos os cadernos; pode ser executada de novo.
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

repository = "{address}"
for folder in (Path.cwd(), *Path.cwd().parents):
    if (folder / "attention_lab/__init__.py").exists():  # num clone, vale o clone
        sys.path.insert(0, str(folder))
        break
if not find_spec("attention_lab"):  # no Colab: instala o curso, e nada além dele
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", f"git+{{repository}}"]
    subprocess.run(pip, capture_output=True)
if not (find_spec("torch") and find_spec("attention_lab")):
    problem = ImportError(
        "Falta o attention_lab ou o torch. No computador, siga o README. No Colab, "
        "{advice}."
    )
    problem._render_traceback_ = lambda: [str(problem)]  # só a mensagem
    raise problem
import torch

import attention_lab

torch.manual_seed(0)
torch.set_num_threads(1)  # com uma thread, os mesmos números a cada execução
print(f"torch {{torch.__version__}} · attention_lab {{attention_lab.__version__}}")"""


def repository(root: Path = ROOT) -> str:
    """O endereço do curso, lido do pyproject.toml."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^Repository = "(.+)"$', text, re.MULTILINE)[1]


def start_cell(address: str) -> str:
    """A célula de início, para o curso publicado em ``address``."""
    advice = "confira a internet e execute esta célula de novo"
    if "." in address.split("/")[-2]:  # nome de dono com ponto não existe no GitHub
        advice = "só depois de publicado: o endereço do curso ainda é provisório"
    return START_CELL.format(address=address, advice=advice)


COLAB = "https://colab.research.google.com"


def colab_page(address: str, name: str) -> str:
    """A página do Colab para o caderno ``name``, guardado em ``address``."""
    page = address.replace("https://github.com", f"{COLAB}/github")
    return f"{page}/blob/main/notebooks/{name}.ipynb"


def badge(address: str, name: str) -> str:
    """O selo do Colab, para as páginas: a imagem vem da internet."""
    image = f"{COLAB}/assets/colab-badge.svg"
    return f"[![Abrir no Colab]({image})]({colab_page(address, name)})"


def colab_cell(address: str, name: str) -> str:
    """O mesmo link para os cadernos, sem a imagem: eles abrem sem internet."""
    return f"[▶ Abrir no Colab]({colab_page(address, name)})"


def put_fixed_cells(nb, address: str, name: str) -> None:
    """Escreve em seu lugar o selo (tag "selo") e o início (tag "inicio")."""
    new = {
        "selo": nbformat.v4.new_markdown_cell(colab_cell(address, name)),
        "inicio": nbformat.v4.new_code_cell(start_cell(address)),
    }
    first_code = next((c for c in nb.cells if c.cell_type == "code"), None)
    places = {"selo": 0, "inicio": nb.cells.index(first_code) if first_code else 1}
    for tag in ("inicio", "selo"):
        cell = next((c for c in nb.cells if tag in c.metadata.get("tags", [])), None)
        if cell is None:
            cell = new[tag]
            cell.metadata["tags"] = [tag]
            nb.cells.insert(places[tag], cell)
        cell.source, cell["id"] = new[tag].source, tag


def put_ids(nb) -> None:
    """Mantém os ids válidos e únicos; os outros saem do texto da célula."""
    seen = set()
    for cell in nb.cells:
        key = cell.get("id", "")
        text = cell.cell_type + cell.source
        while not re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", key) or key in seen:
            key = hashlib.sha256(text.encode()).hexdigest()[:8]
            text += "+"  # duas células iguais: ids diferentes
        cell["id"] = key
        seen.add(key)


def clean_outputs(outputs: list) -> list:
    """Tira os widgets e junta os pedaços seguidos do mesmo fluxo de texto."""
    clean = []
    for output in outputs:
        for mime in [m for m in output.get("data", {}) if "jupyter.widget" in m]:
            del output["data"][mime]
        last = clean[-1] if clean else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            clean.append(output)
    return clean


def normalised(nb, address: str, name: str) -> str:
    """O texto do arquivo do caderno, sem nada que mude de máquina para máquina."""
    put_fixed_cells(nb, address, name)
    put_ids(nb)
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    for cell in nb.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code":
            cell.outputs = clean_outputs(cell.outputs)
    nb = nbformat.from_dict(nb)
    nbformat.validate(nb)
    return nbformat.writes(nb) + "\n"


def problems(nb) -> list[str]:
    """Erros, textos em stderr e caminhos da máquina nas saídas, célula a célula."""
    found = []
    for number, cell in enumerate(nb.cells):
        for output in cell.get("outputs", []):
            texts = output.get("data", {"text": output.get("text", "")})
            text = "".join(t for mime, t in texts.items() if mime.startswith("text"))
            what = None
            if output.output_type == "error":
                what = "\n".join(output.traceback)
            elif output.get("name") == "stderr":
                what = f"escreveu em stderr: {text}"
            elif path := MACHINE_PATH.search(text):
                what = f"mostra um caminho desta máquina: {path[0]}…"
            if what:
                found.append(f"célula {number}: {what}\n{cell.source[:300]}")
    return found


def execute(nb) -> list[str]:
    """Executa o caderno num kernel novo; devolve os problemas."""
    client = NotebookClient(
        nb,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    try:
        client.execute()
    except CellTimeoutError:
        return [f"uma célula passou de {CELL_TIMEOUT} segundos", *problems(nb)]
    except (CellExecutionError, DeadKernelError) as error:
        return problems(nb) or [str(error)]
    return problems(nb)


def find(wanted: list[str]) -> list[Path]:
    """Os cadernos pedidos, por número ou caminho; todos, se nenhum foi pedido."""
    paths = []
    for item in wanted or [""]:
        named = item.endswith(".ipynb")
        found = [Path(item)] if named else sorted(NOTEBOOKS.glob(f"{item}*.ipynb"))
        if not found:
            sys.exit(f"Nenhum caderno em notebooks/ começa com {item!r}.")
        paths += found
    return paths


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wanted", nargs="*", metavar="NN", help="número ou caminho")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--normalise", action="store_true", help="não executa")
    mode.add_argument("--check", action="store_true", help="só confere")
    options = parser.parse_args()
    os.environ |= {"ATTENTION_LAB_SILENCIO": "1", "PYTHONHASHSEED": "0"}
    address, failures = repository(), 0
    for path in find(options.wanted):
        before = path.read_text(encoding="utf-8")
        nb = nbformat.reads(before, as_version=4)
        nb = nbformat.reads(normalised(nb, address, path.stem), as_version=4)
        executing = not (options.normalise or options.check)
        found = execute(nb) if executing else problems(nb)
        after = normalised(nb, address, path.stem)
        if options.check and after != before:
            found.append("não está normalizado: rode python tools/notebooks.py")
        if not found and after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
        failures += bool(found)
        print(f"{path.name}: {'FALHOU' if found else 'em ordem'}", *found, sep="\n  ")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
