"""Os infográficos do capítulo, na saída de uma célula."""

import base64
import html
import re
from pathlib import Path
from xml.etree import ElementTree

_SVG = "{http://www.w3.org/2000/svg}"
_PACKAGE = Path(__file__).parent
_FOLDERS = _PACKAGE / "infograficos", _PACKAGE.parent / "infograficos"


def infographic(number: str) -> None:
    """Mostra um infográfico do capítulo, com o seu texto alternativo.

    number: o número da seção, como "06"; alguns têm uma letra, como "06b"
    Devolve: nada. Mostra a imagem e, embaixo, a descrição, que se abre com um clique.
        Não usa a internet: os infográficos vêm com o pacote.
    Erro: ValueError se não há infográfico com esse número; a mensagem diz quais há.

    >>> infographic("42")
    Traceback (most recent call last):
    ValueError: Não há infográfico '42'. Há: 01, 02, 03, 04, 05, 06, 06b, 07, 08.
    """
    from IPython.display import display  # aqui, para que o pacote abra sem o IPython

    path = find(number)
    title, description = texts(path)
    data = base64.b64encode(path.read_bytes()).decode()
    image = (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(title)}" '
        'style="max-width: 100%; background: white">'
    )
    details = (
        "<details><summary>Descrição do infográfico</summary>"
        f"{html.escape(description)}</details>"
    )
    display(
        {"text/html": image + details, "text/plain": f"{title}\n{description}"},
        raw=True,
    )


def posters() -> dict[str, Path]:
    """Número → arquivo de cada infográfico, em ordem."""
    folder = next((f for f in _FOLDERS if f.is_dir()), _FOLDERS[0])
    return {path.name.split("_")[0]: path for path in sorted(folder.glob("*_*.svg"))}


def find(number) -> Path:
    known = posters()
    digits = re.fullmatch(r"\s*0?(\d[a-z]?)\s*", str(number).lower())
    key = f"0{digits[1]}" if digits else str(number)
    if key not in known:
        there = ", ".join(known) or "nenhum; reinstale o pacote"
        raise ValueError(f"Não há infográfico {number!r}. Há: {there}.")
    return known[key]


def texts(path: Path) -> tuple[str, str]:
    """O texto alternativo e a descrição, que moram no próprio SVG."""
    root = ElementTree.parse(path).getroot()
    return tuple(root.findtext(_SVG + tag, "").strip() for tag in ("title", "desc"))
