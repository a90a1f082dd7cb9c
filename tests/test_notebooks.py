"""A forma dos cadernos: o que se guarda, o que se lê, e o espelho do pacote.

As saídas, quem compara é o nbval; aqui se confere o que ele não vê.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

import tools.notebooks as tool

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(tool.NOTEBOOKS.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)

MAX_WORDS = 130
MAX_LINES, MAX_LINES_WITH_DEFINITION = 20, 35


def cells(path: Path, kind: str) -> list:
    nb = nbformat.read(path, as_version=4)
    return [cell for cell in nb.cells if cell.cell_type == kind]


def tagged(path: Path, tag: str):
    nb = nbformat.read(path, as_version=4)
    (cell,) = [c for c in nb.cells if tag in c.metadata.get("tags", [])]
    return cell


def lesson_code(path: Path) -> list[str]:
    """O código do caderno, sem a célula de início."""
    return [c.source for c in cells(path, "code") if c.id != "inicio"]


@each_notebook
def test_notebook_is_normalised(path):
    before = path.read_text(encoding="utf-8")
    nb = nbformat.reads(before, as_version=4)
    after = tool.normalised(nb, tool.repository(), path.stem)
    assert after == before, f"rode: python tools/notebooks.py {path.stem[:2]}"


@each_notebook
def test_outputs_have_no_error_stderr_or_path(path):
    assert not tool.problems(nbformat.read(path, as_version=4))


@each_notebook
def test_every_cell_was_run_in_order(path):
    counts = [cell.execution_count for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_start_and_badge_are_the_same_everywhere(path):
    address = tool.repository()
    assert tagged(path, "inicio").source == tool.start_cell(address)
    assert tagged(path, "selo").source == tool.colab_cell(address, path.stem)
    assert cells(path, "code")[0].id == "inicio"


def visible_words(markdown: str) -> int:
    """As palavras à vista numa célula: nem o que se abre, nem código ou fórmulas."""
    for hidden in (
        r"<details>.*?</details>",
        r"```.*?```",
        r"\$\$.*?\$\$",
        r"\$[^$]*\$",
        r"`[^`]*`",
        r"<[^>]*>",
        r"\]\([^)]*\)",
    ):
        markdown = re.sub(hidden, " ", markdown, flags=re.DOTALL)
    return len(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", markdown))


@each_notebook
def test_text_comes_in_short_pieces(path):
    long = [c.source for c in cells(path, "markdown")]
    long = [(visible_words(s), s[:80]) for s in long if visible_words(s) > MAX_WORDS]
    assert not long


@each_notebook
def test_code_comes_in_short_pieces(path):
    for source in lesson_code(path):
        limit = MAX_LINES_WITH_DEFINITION if definitions(source) else MAX_LINES
        lines = sum(bool(line.strip()) for line in source.splitlines())
        assert lines <= limit, f"{lines} linhas, mais que {limit}:\n{source}"


@each_notebook
def test_at_most_two_code_cells_in_a_row(path):
    kinds = [c.cell_type[0] for c in nbformat.read(path, as_version=4).cells]
    assert "ccc" not in "".join(kinds)


@each_notebook
def test_details_have_a_blank_line_after_the_summary(path):
    """Sem ela, o Colab e o GitHub mostram o markdown de dentro sem formatar."""
    for cell in cells(path, "markdown"):
        assert not re.search(r"</summary>(?!\n\n)", cell.source), cell.source[:200]
        opened, closed = cell.source.count("<details>"), cell.source.count("</details>")
        assert opened == closed, cell.source[:200]


@each_notebook
def test_the_right_option_of_the_quiz_changes_place(path):
    places = []
    for cell in cells(path, "markdown"):
        options = re.findall(r"</summary>\s*(.*?)</details>", cell.source, re.DOTALL)
        right = [option.startswith("**Certo") for option in options]
        places += [right.index(True)] if sum(right) == 1 else []
    assert len(places) >= 4
    assert max(places.count(place) for place in places) <= 2 + len(places) // 5, places


@each_notebook
def test_no_interact(path):
    """O ``interact`` do ipywidgets faz o nbclient parar às vezes, sem avisar."""
    assert not re.search(r"\binteract(_manual)?\b", "\n".join(lesson_code(path)))


# O espelho: o que o caderno define com um nome público do pacote é o que o pacote tem.


JUPYTER_ONLY = {"display", "get_ipython", "In", "Out", "exit", "quit"}


def jupyter_only(source: str) -> set[str]:
    """O que só existe no Jupyter: mágicas, comandos do sistema e nomes que ele cria."""
    lines = source.splitlines()
    found = {line for line in lines if re.match(r"\s*[%!]", line)}
    tree = ast.parse("" if found else source)
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found | (names & JUPYTER_ONLY - imported)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells_run_outside_jupyter_too(path):
    """O VS Code, o Kaggle e um programa comum não têm esses nomes nem essas linhas."""
    assert {c.source for c in cells(path, "code") if jupyter_only(c.source)} == set()


@pytest.mark.parametrize("source", ["%matplotlib inline", "!pip list", "display(x)"])
def test_jupyter_only_cells_are_seen(source):
    assert jupyter_only(source)


def definitions(source: str) -> dict[str, ast.stmt]:
    """As funções e classes do nível de cima, por nome."""
    kinds = ast.FunctionDef | ast.ClassDef
    return {n.name: n for n in ast.parse(source).body if isinstance(n, kinds)}


def public_definitions() -> dict[str, ast.stmt]:
    """As funções e classes públicas das salas do pacote."""
    found = {}
    rooms = sorted((ROOT / "attention_lab").glob("*.py"))
    for path in [*rooms, ROOT / "attention_lab" / "exercises" / "__init__.py"]:
        for name, node in definitions(path.read_text(encoding="utf-8")).items():
            if not name.startswith(("_", "check_")):
                found[name] = node
    return found


class Essence(ast.NodeTransformer):
    """Deixa o que a função calcula: sem docstrings, anotações e conferências."""

    def is_check(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.If):
            return isinstance(node.body[0], ast.Raise) and not node.orelse
        if not isinstance(node, ast.Expr):
            return False
        if isinstance(node.value, ast.Constant):  # docstring
            return isinstance(node.value.value, str)
        call = node.value
        return (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id.startswith("check_")
        )

    def visit_definition(self, node):
        self.generic_visit(node)
        node.body = [s for s in node.body if not self.is_check(s)] or [ast.Pass()]
        return node

    visit_ClassDef = visit_definition

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.visit_definition(node)

    def visit_arg(self, node):
        node.annotation = None
        return node


def essence(node: ast.stmt) -> str:
    return ast.unparse(Essence().visit(ast.parse(ast.unparse(node)).body[0]))


@each_notebook
def test_notebook_mirrors_the_package(path):
    public = public_definitions()
    for source in lesson_code(path):
        for name, node in definitions(source).items():
            if name in public:
                assert essence(node) == essence(public[name]), (
                    f"{name} não é o do pacote; se é outro de propósito, dê outro nome"
                )


PACKAGE_VERSION = '''
def f(q: Tensor, k: Tensor | None = None, *, n: int = 2) -> Tensor:
    """Docstring.

    >>> f(1)
    """
    check_tensors(q=q)
    if n < 1:
        raise ValueError(f"n={n}")
    if k is None:
        k = q
    return q @ k * n
'''
NOTEBOOK_VERSION = """
def f(q, k=None, *, n=2):
    if k is None:
        k = q
    return q @ k * n  # (T, T)
"""


def test_mirror_ignores_docstrings_annotations_and_checks():
    one, other = definitions(PACKAGE_VERSION)["f"], definitions(NOTEBOOK_VERSION)["f"]
    assert essence(one) == essence(other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("q @ k * n", "k @ q * n"),
        ("n=2", "n=3"),
        ("k = q", "k = q.clone()"),
        ("def f", "@torch.no_grad()\ndef f"),
        ("return", "q = q / 2\n    return"),
    ],
)
def test_mirror_sees_another_body(old, new):
    changed = definitions(NOTEBOOK_VERSION.replace(old, new))["f"]
    assert essence(changed) != essence(definitions(PACKAGE_VERSION)["f"])


def test_mirror_looks_inside_classes():
    package = """
class A(nn.Module):
    '''Docstring.'''

    def forward(self, x: Tensor) -> Tensor:
        '''Docstring.'''
        check_input(x)
        return self.W(x)
"""
    notebook = """
class A(nn.Module):
    def forward(self, x):
        return self.W(x)
"""
    (one,) = definitions(package).values()
    (same,) = definitions(notebook).values()
    (other,) = definitions(notebook.replace("self.W(x)", "x")).values()
    assert essence(one) == essence(same) != essence(other)


# A ferramenta, com cadernos de mentira.


def sample(*sources: str):
    cell = nbformat.v4.new_code_cell
    nb = nbformat.v4.new_notebook(cells=[cell(source) for source in sources])
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    return nb


def test_normalising_twice_changes_nothing():
    nb = sample("1 + 1", "1 + 1")
    nb.cells[0]["id"] = nb.cells[1]["id"] = "repetido"
    nb.cells[0].metadata["execution"] = {"iopub.status.busy": "2026-01-01"}
    stream = {"output_type": "stream", "name": "stdout"}
    nb.cells[0].outputs = [
        nbformat.from_dict({**stream, "text": text}) for text in ("a\n", "b\n")
    ]
    once = tool.normalised(nb, "https://github.com/ana/curso", "03_x")
    again = nbformat.reads(once, as_version=4)
    assert tool.normalised(again, "https://github.com/ana/curso", "03_x") == once
    assert "widget" not in once and "iopub" not in once
    ids = [cell.id for cell in again.cells]
    assert ids[:3] == ["selo", "inicio", "repetido"] and len(set(ids)) == 4
    assert [output.text for output in again.cells[2].outputs] == ["a\nb\n"]


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; print('oi', file=sys.stderr)", "stderr"),
        ("import os; print(os.getcwd())", "caminho"),
    ],
)
def test_tool_refuses_bad_cells(source, word):
    (problem,) = tool.execute(sample("x = 1", source))
    assert problem.startswith("célula 1") and word in problem and source in problem


def test_start_cell_says_when_the_address_is_provisional():
    assert "provisório" in tool.start_cell("https://github.com/seu.usuario/curso")
    assert "internet" in tool.start_cell("https://github.com/ana/curso")


def test_start_cell_explains_itself_in_one_line(tmp_path, monkeypatch):
    """Sem clone, sem pacote e sem endereço: uma mensagem, e nenhum traceback."""
    hide = """
import importlib.util, subprocess
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "attention_lab" else find(name)
subprocess.run = lambda *args, **kwargs: None
"""
    monkeypatch.setattr(tool, "NOTEBOOKS", tmp_path)
    nb = sample(hide, tool.start_cell("https://github.com/seu.usuario/curso"))
    assert tool.execute(nb)
    (output,) = nb.cells[1].outputs
    (line,) = output.traceback
    assert "provisório" in line and "\n" not in line
