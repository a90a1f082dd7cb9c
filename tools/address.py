"""Põe o curso em outro endereço do GitHub: uma cópia sua, ou a publicação.

    python tools/address.py dono/nome

Troca o endereço no pyproject.toml, onde ele mora, e em tudo o que o repete: os selos do
Colab, a célula de início dos cadernos e os links do README, do diário e dos links.
Também aceita o endereço inteiro, como https://github.com/dono/nome. As saídas dos
cadernos ficam como estão.
"""

import re
import sys
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools import notebooks as tool

TEXTS = ["README.md", "diario.md", "links.md", "infograficos/README.md"]
OWNER = r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}"  # o que o GitHub aceita
NAME = r"[A-Za-z0-9._-]{1,100}"
ADDRESS = re.compile(rf"(?:https://github\.com/)?({OWNER}/{NAME}?)(?:\.git)?/?")


def parse(text: str) -> str:
    """ "dono/nome", de uma das formas em que se escreve o endereço.

    Erro: ValueError se o GitHub não aceitaria o nome.
    """
    match = ADDRESS.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            "o endereço deve ser dono/nome (no dono, letras, números e hífens; no "
            f"nome, também ponto e sublinhado), mas veio {text!r}."
        )
    return match[1]


def rewrite(root: Path, new: str) -> list[str]:
    """Troca o endereço de todos os arquivos do curso que está em root.

    new: "dono/nome"
    Devolve: os nomes dos arquivos que mudaram.
    """
    pyproject = root / "pyproject.toml"
    old = tool.repository(root).removeprefix("https://github.com/")
    whole = re.compile(rf"(?<![\w.-]){re.escape(old)}(?![\w-])(?!\.\w)")
    texts = [pyproject, *(root / name for name in TEXTS)]
    changed = []
    for path in texts:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = whole.sub(new, before)
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
            changed.append(path.name)
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        before = path.read_text(encoding="utf-8")
        nb = nbformat.reads(before, as_version=4)
        for cell in nb.cells:
            cell.source = whole.sub(new, cell.source)
        after = tool.normalised(nb, f"https://github.com/{new}", path.stem)
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
            changed.append(path.name)
    return changed


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    try:
        new = parse(sys.argv[1])
    except ValueError as error:
        print(f"Nada mudou: {error}")
        return 1
    changed = rewrite(tool.ROOT, new)
    print(f"https://github.com/{new}")
    print(*(f"  {name}" for name in changed or ["(já era este)"]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
