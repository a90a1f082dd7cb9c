"""O repositório por fora: salas do pacote, versões, README, wheel e estilo."""

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import attention_lab
from tools.notebooks import NOTEBOOKS, badge, repository

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "attention_lab"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SECTIONS = {
    "01_o_problema_do_contexto": "O problema do contexto",
    "02_intuicao_da_atencao": "Intuição da atenção",
    "03_self_attention_basico": "Self-Attention básico",
    "04_query_key_value": "Query, Key e Value",
    "05_pesos_treinaveis": "Self-Attention com pesos treináveis",
    "06_mascara_causal": "Máscara causal",
    "07_multi_head_attention": "Multi-head attention",
    "08_atencao_no_transformer": "Atenção dentro do Transformer",
}

# Cada sala: as outras salas e as bibliotecas que pode importar. As frases correm num
# só sentido: frase → ids → layers (→ attention) → pesos → figuras e exercícios.
ROOMS = {
    "checks": ({}, {"torch"}),
    "attention": ({"checks"}, {"torch"}),
    "layers": ({"attention", "checks"}, {"torch"}),
    "efficient": ({"attention", "checks"}, {"torch"}),
    "grammar": ({}, {"torch"}),
    "train": ({}, {"torch", "IPython"}),
    "figures": ({}, {"matplotlib", "numpy", "IPython"}),
    "exercises": ({"attention", "layers", "checks"}, {"torch", "numpy"}),
    "sliders": ({"figures"}, {"numpy", "IPython"}),
    "experiments": (
        {"attention", "layers", "efficient", "grammar", "train"},
        {"torch"},
    ),
    "explorer": ({"figures"}, {"numpy", "IPython"}),
    "infographics": ({}, {"IPython"}),
    "gpt2": ({"layers"}, {"torch", "safetensors", "huggingface_hub"}),
}


def imports(source: str) -> set[tuple[str, str]]:
    """Os pares (biblioteca, sala) de cada import; sala vazia fora do pacote."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "import relativo: escreva attention_lab.sala"
            names = [node.module]
            if node.module == "attention_lab":
                names = [f"attention_lab.{alias.name}" for alias in node.names]
        for name in names:
            library, room = [*name.split("."), ""][:2]
            found.add((library, room if library == "attention_lab" else ""))
    return found


def forbidden(room: str, source: str) -> set[str]:
    """O que a sala importa e não podia importar."""
    rooms, libraries = ROOMS[room]
    wrong = set()
    for library, target in imports(source):
        if library == "attention_lab":
            if target not in {*rooms, room}:
                wrong.add(f"attention_lab.{target}")
        elif library not in {*libraries, *sys.stdlib_module_names}:
            wrong.add(library)
    return wrong


MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_only_import_inwards(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in ROOMS, f"a sala {room} não está na tabela ROOMS"
    assert not forbidden(room, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("room", "line", "wrong"),
    [
        ("attention", "from attention_lab.layers import GPT", {"attention_lab.layers"}),
        ("attention", "from attention_lab import GPT", {"attention_lab.GPT"}),
        ("attention", "def f():\n    import numpy as np", {"numpy"}),
        ("train", "import attention_lab.attention", {"attention_lab.attention"}),
        ("figures", "import matplotlib.pyplot as plt\nimport math", set()),
        ("exercises", "from attention_lab.exercises.engine import find", set()),
    ],
)
def test_import_check_sees_planted_imports(room, line, wrong):
    assert forbidden(room, line) == wrong


def test_public_names_are_the_table_of_contents():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert imported == attention_lab.__all__


def test_import_is_light():
    """Ao lado do torch, o pacote custa pouco, e não puxa nem figuras nem widgets."""
    code = """
import sys, time
start = time.process_time()
import torch
middle = time.process_time()
import attention_lab
end = time.process_time()
heavy = {"matplotlib", "ipywidgets", "IPython"} & sys.modules.keys()
print((end - start) / (middle - start), *heavy)
"""
    for _ in range(3):  # três chances: a máquina pode estar ocupada
        run = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        ratio, *heavy = run.stdout.split()
        assert not heavy
        if float(ratio) <= 1.15:
            return
    raise AssertionError(f"importar attention_lab custa {ratio} × importar torch")


def requirements() -> dict[str, list[Requirement]]:
    """Tudo o que o pyproject.toml pede, por nome."""
    project = PYPROJECT["project"]
    found = {}
    for lines in [project["dependencies"], *project["optional-dependencies"].values()]:
        for requirement in map(Requirement, lines):
            found.setdefault(requirement.name.lower(), []).append(requirement)
    return found


def constraints() -> dict[str, list[Requirement]]:
    """As versões testadas do constraints.txt, por nome."""
    found = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            found.setdefault(pin.name.lower(), []).append(pin)
    return found


def version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "==", f"{pin} não fixa uma versão"
    return specifier.version


def test_constraints_fit_the_ranges_of_pyproject():
    pins = constraints()
    assert version(pins["torch"][0]) == "2.13.0"
    for name, wanted in requirements().items():
        if name == "attention-lab":
            continue
        assert name in pins, f"{name} não tem versão testada em constraints.txt"
        for pin in pins[name]:
            for requirement in wanted:
                assert requirement.specifier.contains(version(pin)), (pin, requirement)


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.14"])
def test_each_python_gets_one_version(python):
    for name, pins in constraints().items():
        here = {"python_version": python}
        fits = [p for p in pins if p.marker is None or p.marker.evaluate(here)]
        assert len(fits) == 1, f"{name} no Python {python}: {fits}"


@pytest.mark.parametrize(
    ("name", "colab"),
    [
        ("torch", "2.11.0"),
        ("numpy", "2.1.3"),
        ("matplotlib", "3.10.0"),
        ("ipython", "7.34.0"),
        ("ipywidgets", "7.7.1"),
    ],
)
def test_ranges_accept_colab(name, colab):
    assert all(r.specifier.contains(colab) for r in requirements()[name])


def commands(language: str) -> list[str]:
    """As linhas dos blocos de código do README numa linguagem."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_ci_runs_the_command_of_the_readme():
    (command,) = [line for line in commands("bash") if line.endswith("pytest")]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.splitlines().count(command) == 1
    left_out = re.findall(r'-m "([^"]+)" tests', script)
    marks = {mark for leg in left_out for mark in leg.split(" or ")}
    assert marks == {"claims", "trained", "colab", "browser"}
    assert script.count('-m "claims" "$first"') == 1  # o que uma fila deixa à outra
    assert script.count('--ignore="$first"') == 1
    (windows,) = [line for line in commands("powershell") if line.endswith("pytest")]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: bash .ci/run" in workflow
    assert windows in [line.strip() for line in workflow.splitlines()]


@pytest.mark.parametrize("language", ["bash", "powershell"])
def test_two_commands_set_everything_up(language):
    setup = [line for line in commands(language) if "-m venv" in line]
    assert [line.split()[-1] for line in setup] == ["notebooks", "pytest"]
    for line in setup:
        (extra,) = re.findall(r"\[(\w+)\]", line)
        assert extra in PYPROJECT["project"]["optional-dependencies"]


@pytest.mark.parametrize("name", SECTIONS)
def test_readme_lists_the_notebooks_that_exist(name):
    start = f"| {int(name[:2])} |"
    (row,) = [line for line in README.splitlines() if line.startswith(start)]
    exists = (NOTEBOOKS / f"{name}.ipynb").exists()
    assert SECTIONS[name] in row
    last = badge(repository(), name) if exists else "em breve"
    assert row.endswith(f"| {last} |"), f"a última coluna deve ser: {last}"


def test_notebooks_have_the_names_of_the_sections():
    assert {p.stem for p in NOTEBOOKS.glob("*.ipynb")} <= SECTIONS.keys()


def test_wheel_carries_what_colab_needs(tmp_path):
    pytest.importorskip("hatchling", reason="hatchling vem com o extra de testes")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    run = subprocess.run(
        [*build, str(tmp_path)], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    for folder, arcname in [(PACKAGE, ""), (ROOT / "infograficos", "attention_lab/")]:
        for path in folder.rglob("*"):
            if path.suffix in {".py", ".md", ".svg"}:
                assert arcname + path.relative_to(ROOT).as_posix() in inside


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_style(command):
    run = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, f"ruff {' '.join(command)} diz:\n{run.stdout[-3000:]}"
