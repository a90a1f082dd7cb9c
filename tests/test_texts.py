"""O que se lê: títulos, links, textos alternativos, termos e ortografia."""

import ast
import io
import re
import shutil
import subprocess
import tokenize
from functools import cache
from pathlib import Path

import nbformat
import pytest

from tests.test_repository import SECTIONS
from tools import notebooks as tool

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", "diario.md", "links.md", "infograficos/README.md"]
NOTEBOOKS = sorted(tool.NOTEBOOKS.glob("*.ipynb"))
SOURCES = sorted((ROOT / "attention_lab").rglob("*.py"))
DICTIONARY = Path("/usr/share/hunspell/pt_BR.dic")
ACCEPTED = Path(__file__).with_name("palavras.txt")


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def cells(path: Path, kind: str) -> list:
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


@cache
def markdown() -> dict[Path, str]:
    """O markdown do curso: as páginas e o texto de cada caderno."""
    pages = {ROOT / name: read(ROOT / name) for name in PAGES}
    for path in NOTEBOOKS:
        pages[path] = "\n\n".join(c.source for c in cells(path, "markdown"))
    return pages


def without_code(text: str) -> str:
    text = re.sub(r"^(```|~~~).*?^\1", " ", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", " ", text)


# --- Títulos --------------------------------------------------------------------------


def headings(text: str, level: int) -> list[str]:
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("name", SECTIONS)
def test_notebooks_have_their_titles(name):
    (title,) = headings(markdown()[tool.NOTEBOOKS / f"{name}.ipynb"], 1)
    assert title == f"{name[:2]} · {SECTIONS[name]}"


def test_the_diary_has_the_sections_in_order():
    found = [h for h in headings(read(ROOT / "diario.md"), 2) if h[0].isdigit()]
    assert found == [f"{int(n[:2])}. {title}" for n, title in SECTIONS.items()]


def table_titles(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| (\d) \| ([^|]+) \|", text, re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "links.md"])
def test_tables_have_the_sections_in_order(page):
    expected = [(str(int(n[:2])), title) for n, title in SECTIONS.items()]
    assert table_titles(read(ROOT / page)) == expected


@pytest.mark.parametrize("name", SECTIONS)
def test_infographics_point_to_their_section(name):
    link = rf"\[{name[:2]} · {SECTIONS[name]}\]\(\.\./notebooks/{name}\.ipynb\)"
    assert re.search(link, read(ROOT / "infograficos/README.md"))


# --- Links ----------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """As âncoras que o GitHub dá aos títulos."""
    found = set()
    for _, title in re.findall(r"^(#+) (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        copies = sum(re.sub(r"-\d+$", "", s) == slug for s in found)
        found.add(f"{slug}-{copies}" if copies else slug)
    return found


def broken_links(path: Path, text: str) -> list[str]:
    """Os links relativos que não levam a lugar nenhum."""
    targets = re.findall(r"\]\(\s*<?([^)\s>]+)>?\s*\)", without_code(text))
    targets += re.findall(r"(?:src|href)=[\"']([^\"']+)", without_code(text))
    broken = []
    for target in targets:
        if re.match(r"(https?:|mailto:|data:)", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        known = anchors(read(there)) if anchor and there.suffix == ".md" else {anchor}
        if not there.exists() or anchor not in known:
            broken.append(target)
    return broken


@pytest.mark.parametrize("path", [ROOT / p for p in PAGES] + NOTEBOOKS, ids=str)
def test_relative_links_resolve(path):
    assert broken_links(path, markdown()[path]) == []


def test_link_check_sees_planted_errors():
    page = ROOT / "README.md"
    bad = "[a](diario2.md) [b](LICENSE) [c](#licença2) [d](#licença) <img src='x.svg'>"
    assert broken_links(page, bad) == ["diario2.md", "#licença2", "x.svg"]


# --- Textos alternativos --------------------------------------------------------------


def alternative_texts(path: Path) -> list[str]:
    texts = re.findall(r"!\[([^\]]*)\]\(", without_code(markdown()[path]))
    if path in NOTEBOOKS:
        for cell in cells(path, "code"):
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    texts.append(output.metadata.get("image/png", {}).get("alt", ""))
                page = "".join(output.get("data", {}).get("text/html", ""))
                for image in re.findall(r"<img\b[^>]*>", page):
                    alt = re.search(r'\balt="([^"]*)"', image)
                    texts.append(alt[1] if alt else "")
    return texts


@pytest.mark.parametrize("path", [ROOT / p for p in PAGES] + NOTEBOOKS, ids=str)
def test_images_say_what_they_show(path):
    short = [text for text in alternative_texts(path) if len(text) < 25]
    assert [text for text in short if not text.startswith("Abrir ")] == []


# --- Termos ---------------------------------------------------------------------------

MODEL = r"(modelo|rede|cabeça|camada|atenção|consulta|neurônio|GPT|token)s?"
FORBIDDEN = [
    r"\blotes?\b",
    r"auto-atenção|atenção própria",
    r"auto-?regressiv[oa]s?(?<!autorregressivo)(?<!autorregressiva)",
    r"\batende(m|r)? (a|à|ao|aos|às)\b",
    r"variáve(l|is) de contexto",
    r"produto escalonado",
    r"máscara de preenchimento",
    r"gradiente de desaparecimento",
    r"\bembelezamentos?\b",
    rf"{MODEL} (não |já |só )?(entende|sabe|pensa|compreende)m?\b",
]


def forbidden_terms(text: str) -> list[str]:
    found = [re.search(term, text, re.IGNORECASE) for term in FORBIDDEN]
    return [match[0] for match in found if match]


def all_texts() -> dict[Path, str]:
    texts = dict(markdown())
    for path in NOTEBOOKS:
        code = "\n".join(cell.source for cell in cells(path, "code"))
        texts[path] += "\n\n" + portuguese(code)
    texts |= {path: portuguese(read(path)) for path in SOURCES}
    return texts


def test_forbidden_terms_do_not_occur():
    found = {str(p): forbidden_terms(text) for p, text in all_texts().items()}
    assert {path: terms for path, terms in found.items() if terms} == {}


def test_term_check_sees_planted_errors():
    assert len(forbidden_terms("Um lote de frases; o modelo sabe a resposta.")) == 2
    assert forbidden_terms("auto-regressivo") and forbidden_terms("autoregressiva")
    assert not forbidden_terms("Um modelo autorregressivo: quem estuda sabe disso.")


# --- Ortografia -----------------------------------------------------------------------


COMMON = re.compile(r" (de|não|que|com|em|para|uma|veio|é|dos|das|há) ")  # português


def portuguese(code: str) -> str:
    """O que há em português num código: comentários, docstrings e mensagens."""
    texts = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT and "noqa" not in token.string:
            texts.append(token.string)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = re.sub(r">>>.*?(\n\s*\n|\Z)", "\n", node.value, flags=re.DOTALL)
            program = re.search(r"[;{}]\s*\n|</?\w+[ >]", text)  # JavaScript ou HTML
            if COMMON.search(text) and not program:
                texts.append(text)
    return "\n".join(texts)


def words(text: str) -> set[str]:
    text = text.partition("\n## In English\n")[0]
    text = re.sub(r"<!--.*?-->|<[^>\n]+>", " ", without_code(text), flags=re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", " ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "] ", text)  # o destino dos links
    text = re.sub(r"(?<!\*)\*[^*\n]+(\n[^*\n]+)?\*(?!\*)", " ", text)  # outra língua
    text = re.sub(r"https?://\S+|[\w.-]+/[\w./-]+|\w+\.(?:py|md|toml|txt)", " ", text)
    return set(re.findall(r"(?<![\w.])[^\W\d_]{3,}(?:-[^\W\d_]+)*(?![\w(=])", text))


@cache
def identifiers() -> set[str]:
    """Os nomes do código, que os textos citam: estão em inglês de propósito."""
    nodes = [node for path in SOURCES for node in ast.walk(ast.parse(read(path)))]
    fields = ("id", "arg", "attr", "name", "module")
    names = [getattr(node, field, None) for node in nodes for field in fields]
    return {part for name in names if isinstance(name, str) for part in cut(name)}


def cut(name: str) -> list[str]:
    return [name, *re.split(r"[._]", name)]


def misspelled(candidates: set[str]) -> set[str]:
    accepted = set(read(ACCEPTED).split()) | identifiers()
    run = subprocess.run(
        ["hunspell", "-d", "pt_BR", "-i", "utf-8", "-l"],
        input="\n".join(sorted(candidates)),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    found = set(run.stdout.split())
    return {w for w in found if w not in accepted and w.lower() not in accepted}


needs_hunspell = pytest.mark.skipif(
    not (shutil.which("hunspell") and DICTIONARY.exists()),
    reason="falta o hunspell com o dicionário pt_BR (Debian: hunspell-pt-br)",
)


@needs_hunspell
def test_spelling():
    found = {path: words(text) for path, text in all_texts().items()}
    wrong = misspelled(set.union(*found.values()))
    where = {w: [p.name for p in found if w in found[p]] for w in sorted(wrong)}
    assert where == {}


@needs_hunspell
def test_spelling_sees_planted_errors():
    text = "A atensão `naoexiste` pondera as [palavras](palavrass.md) da *sentence*."
    assert misspelled(words(text)) == {"atensão"}


@needs_hunspell
def test_accepted_words_are_all_needed():
    used = set.union(*(words(text) for text in all_texts().values()))
    used |= {part for word in used for part in word.split("-")}
    accepted = set(read(ACCEPTED).split())
    assert accepted - used - {w.lower() for w in used} == set()
