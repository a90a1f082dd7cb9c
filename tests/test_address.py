"""A troca do endereço do curso, numa cópia do repositório."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import address
from tools import notebooks as tool

ROOT = Path(__file__).resolve().parents[1]
OLD = tool.repository().removeprefix("https://github.com/")


@pytest.fixture
def copy(tmp_path):
    for name in ["pyproject.toml", *address.TEXTS]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    for path in sorted((ROOT / "notebooks").glob("0[37]*.ipynb")):  # dois bastam
        shutil.copy(path, tmp_path / "notebooks")
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_everything_changes_and_comes_back(copy):
    before = contents(copy)
    names = address.rewrite(copy, "turma-b/atencao.2")
    after = contents(copy)
    assert {"pyproject.toml", "README.md", "links.md"} <= set(names)
    assert sum(name.endswith(".ipynb") for name in names) == 2
    assert not [path for path, data in after.items() if OLD.encode() in data]
    start = after[str(copy / "notebooks/03_self_attention_basico.ipynb")].decode()
    assert 'repository = \\"https://github.com/turma-b/atencao.2\\"' in start
    assert "provisório" not in start  # o aviso é só do endereço que ninguém registra
    assert address.rewrite(copy, "turma-b/atencao.2") == []  # já está feito
    address.rewrite(copy, OLD)
    assert contents(copy) == before


def test_nothing_in_the_repository_is_left_out():
    """Todo arquivo que cita o endereço é um dos que o comando troca."""
    known = {ROOT / name for name in ["pyproject.toml", *address.TEXTS]}
    known |= set((ROOT / "notebooks").glob("*.ipynb"))
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    if listed.returncode:
        pytest.skip("não é um repositório git: a lista dos arquivos vem dele")
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    citing = {p for p in paths if p.is_file() and OLD.encode() in p.read_bytes()}
    assert citing <= known


@pytest.mark.parametrize(
    "text",
    [
        "dono/nome",
        " https://github.com/dono/nome ",
        "https://github.com/dono/nome.git",
        "https://github.com/dono/nome/",
    ],
)
def test_the_ways_of_writing_an_address(text):
    assert address.parse(text) == "dono/nome"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dono",
        "dono/nome/mais",
        "do no/nome",
        "dono.br/nome",
        "-dono/nome",
        "d--o/n",
    ],
)
def test_bad_addresses_are_refused(text):
    with pytest.raises(ValueError, match="deve ser dono/nome"):
        address.parse(text)


@pytest.mark.parametrize("arguments", [["dono.br/nome"], [], ["a/b", "c/d"], ["--x"]])
def test_the_command_explains_itself_and_changes_nothing(
    arguments, monkeypatch, capsys
):
    before = (ROOT / "pyproject.toml").read_bytes()
    monkeypatch.setattr("sys.argv", ["address.py", *arguments])
    assert address.main() in (1, 2)
    assert "dono/nome" in capsys.readouterr().out
    assert (ROOT / "pyproject.toml").read_bytes() == before


def test_the_command_runs():
    command = [sys.executable, "tools/address.py", "--help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert run.returncode == 2 and not run.stderr
