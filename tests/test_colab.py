"""O caminho do Colab: só os cadernos, numa pasta vazia, num ambiente como o de lá.

O ambiente tem as versões do Colab que se instalam aqui. A célula de início instala o
curso de um repositório git local; fora disso, nada sai da máquina. Leva minutos, e
roda à parte: pytest -m colab tests
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
import torch

from attention_lab.infographics import find
from tools import notebooks as tool

pytestmark = [
    pytest.mark.colab,
    pytest.mark.skipif(
        sys.version_info >= (3, 14), reason="o numpy do Colab não existe no Python 3.14"
    ),
]

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(path.stem for path in tool.NOTEBOOKS.glob("*.ipynb"))
COLAB = {  # o que o Colab traz, e que a instalação do curso não pode mudar
    "ipython": "7.34.0",
    "ipykernel": "6.17.1",
    "ipywidgets": "7.7.1",
    "numpy": "2.1.3",
    "matplotlib": "3.10.0",
    "traitlets": "5.7.1",
    "torch": torch.__version__.partition("+")[0],
}
# Recusa toda conexão que não seja com a própria máquina, e anota quem a tentou.
GUARD = """
import os, socket

def refuse(self, address, connect=socket.socket.connect):
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
        with open(os.environ["ATTEMPTS"], "a") as file:
            print(address, file=file)
        raise OSError(f"sem internet neste teste: {address}")
    return connect(self, address)

if os.environ.get("ATTEMPTS"):
    socket.socket.connect = refuse
"""


def run(*command, **options) -> str:
    options = {"capture_output": True, "encoding": "utf-8", **options}
    done = subprocess.run([str(part) for part in command], **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def publish(folder: Path) -> str:
    """Guarda os arquivos de agora num repositório git, e devolve o endereço dele."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    identity = ["-c", "user.name=teste", "-c", "user.email=teste@localhost"]
    run("git", "init", "-q", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", *identity, "commit", "-qm", "curso", cwd=folder)
    return folder.as_uri()


class Colab:
    """Uma pasta só com os cadernos e um ambiente como o do Colab, sem o curso."""

    def __init__(self, base: Path):
        self.notebooks, self.attempts = base / "content", base / "attempts"
        address, wheels, home = (
            publish(base / "repository"),
            base / "wheels",
            base / "v",
        )
        venv.create(home, with_pip=True)
        self.python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
        wanted = [f"{name}=={version}" for name, version in COLAB.items()]
        run(self.python, "-m", "pip", "install", "-q", "--no-compile", *wanted)
        run(self.python, "-m", "pip", "download", "-q", "-d", wheels, "hatchling")
        packages = run(self.python, "-c", "import torch; print(torch.__path__[0])")
        Path(packages.strip(), "..", "sitecustomize.py").resolve().write_text(GUARD)
        self.attempts.touch()
        self.environment = os.environ | {
            "PATH": os.pathsep.join([str(self.python.parent), os.environ["PATH"]]),
            "ATTEMPTS": str(self.attempts),
            "PIP_NO_INDEX": "1",  # de onde o pip monta o pacote, sem internet
            "PIP_FIND_LINKS": str(wheels),
            "ATTENTION_LAB_SILENCIO": "1",
            "JUPYTER_PATH": str(base / "jupyter"),
            "HOME": str(base),
        }
        for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
            self.environment.pop(name, None)
        command = [str(self.python), "-m", "ipykernel_launcher", "-f"]
        kernel = {"argv": [*command, "{connection_file}"], "display_name": "Colab"}
        kernels = base / "jupyter/kernels/colab"
        kernels.mkdir(parents=True)
        (kernels / "kernel.json").write_text(
            json.dumps(kernel | {"language": "python"})
        )
        self.before = self.versions()
        self.notebooks.mkdir()
        for name in NAMES:
            path = tool.NOTEBOOKS / f"{name}.ipynb"
            text = path.read_text(encoding="utf-8").replace(tool.repository(), address)
            notebook = nbformat.reads(text, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            nbformat.write(notebook, self.notebooks / path.name)
        first, *others = NAMES
        self.done = {first: self.execute(first)}  # este instala o curso
        with ThreadPoolExecutor(2) as pool:
            self.done |= zip(others, pool.map(self.execute, others), strict=True)

    def versions(self) -> dict[str, str]:
        listed = run(self.python, "-m", "pip", "list", "--format=json")
        return {item["name"].lower(): item["version"] for item in json.loads(listed)}

    def execute(self, name: str):
        """Roda o caderno no Python do ambiente; devolve-o com as saídas."""
        jupyter = [sys.executable, "-m", "jupyter", "execute", "--kernel_name=colab"]
        limit = f"--timeout={tool.CELL_TIMEOUT}"
        path = self.notebooks / f"{name}.ipynb"
        run(*jupyter, "--allow-errors", "--inplace", limit, path, env=self.environment)
        return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    return Colab(tmp_path_factory.mktemp("colab"))


def outputs(notebook) -> list:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [output for cell in code for output in cell.outputs]


def test_the_environment_is_the_one_of_colab(colab):
    assert {name: colab.before[name].partition("+")[0] for name in COLAB} == COLAB
    assert "attention-lab" not in colab.before


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs(colab, name):
    cells = [c for c in colab.done[name].cells if c.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert tool.problems(colab.done[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_figures_and_poster_show(colab, name):
    shown = outputs(colab.done[name])
    stored = outputs(nbformat.read(tool.NOTEBOOKS / f"{name}.ipynb", as_version=4))
    for mime in ["image/png", "text/html"]:
        counts = [
            sum(mime in o.get("data", {}) for o in which) for which in (shown, stored)
        ]
        assert counts[0] == counts[1] > 0
    page = "".join(o.get("data", {}).get("text/html", "") for o in shown)
    posters = re.findall(r'data:image/svg\+xml;base64,([^"]+)" alt="[^"]{40,}"', page)
    assert find(name[:2]).read_bytes() in [base64.b64decode(data) for data in posters]


def test_only_the_course_was_installed(colab):
    after = colab.versions()
    assert after.pop("attention-lab")
    assert after == colab.before


def test_the_course_came_from_the_repository(colab):
    code = "import attention_lab; print(attention_lab.__file__)"
    where = run(colab.python, "-c", code, cwd=colab.notebooks)
    assert "site-packages" in where
    assert sorted(p.stem for p in colab.notebooks.glob("*.ipynb")) == NAMES


def test_nothing_left_the_machine(colab):
    assert colab.attempts.read_text() == ""


def test_the_guard_sees_a_planted_connection(colab):
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    log = colab.attempts.with_name("planted")
    environment = colab.environment | {"ATTEMPTS": str(log)}
    done = subprocess.run(
        [colab.python, "-c", code], env=environment, capture_output=True
    )
    assert done.returncode and "192.0.2.1" in log.read_text()
