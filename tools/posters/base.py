"""A identidade dos infográficos: o quadro, as peças e o SVG igual byte a byte.

Um infográfico é um quadro de 1200 × 675 px com o eixo y para baixo: 1 unidade = 1 px.
Os números vêm de ``infograficos/dados.json``; aqui só se desenha. Cores e mapas são os
de ``attention_lab.figures``.
"""

import html
import io
import re
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import TextPath

from attention_lab.figures import COLORS, PX_PER_INCH, SCORES_MAP, WEIGHTS_MAP, comma

WIDTH, HEIGHT = 1200, 675  # px
MARGIN = 48  # px, à esquerda e à direita
MIN_SIZE = 12  # pt, com o quadro em 1200 px: 16 px
SIZES = {"title": 25, "subtitle": 15, "big": 34, "label": 14, "text": 13, "foot": 12}
DEEP = to_hex(WEIGHTS_MAP(0.75))  # o roxo que se lê como texto em fundo branco
TINTS = {"light": 0.12, "mid": 0.45}  # quanto da cor entra no branco
_STYLE = {
    "font.family": "DejaVu Sans",
    "text.color": COLORS["ink"],
    "figure.facecolor": "white",
    "figure.dpi": PX_PER_INCH,
    "svg.fonttype": "path",  # o desenho das letras vai junto: igual em toda máquina
    "svg.hashsalt": "infograficos",
    "hatch.linewidth": 1.2,
}
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_MADE_ID = re.compile(r'(?<=id=")[a-z][0-9a-f]{10}(?=")')


@dataclass(frozen=True)
class Texts:
    """O que se diz de um infográfico, já com os números.

    title: o achado; alt: uma ou duas frases; long: a descrição longa; notice: o que
    notar; purpose: para que serve; prompt: com que alguém o redesenharia.
    """

    title: str
    purpose: str
    alt: str
    long: str
    notice: str
    prompt: str


def rounded(decimals: int = 2, **measured) -> dict:
    """Arredonda o que se mediu ao que se imprime; tensores viram listas.

    >>> rounded(weights=np.array([1 / 3, 2 / 3]), n=7)
    {'weights': [0.33, 0.67], 'n': 7}
    """

    def plain(value):
        value = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return round(value, decimals) if isinstance(value, float) else value

    return {name: plain(value) for name, value in measured.items()}


def tint(role: str, amount: str = "light") -> str:
    """A cor de um papel clareada com branco, opaca: "light" (fundo) ou "mid".

    >>> tint("q")
    '#e0eef6'
    """
    part = TINTS[amount]
    return to_hex([1 - part + part * c for c in to_rgb(COLORS[role])])


def ink_on(face) -> str:
    """A cor do texto sobre um fundo: tinta ou branco; nos tons do meio, preto."""
    inks = (COLORS["ink"], "white")
    return next((ink for ink in inks if contrast(ink, face) >= 4.5), "black")


def contrast(one, other) -> float:
    """O contraste entre duas cores, de 1 a 21 (WCAG 2.2).

    >>> round(contrast("white", "black"))
    21
    """
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color) -> float:
    channels = np.array(to_rgb(color))
    linear = np.where(
        channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


# --- o quadro e o texto ---------------------------------------------------------------


def poster(title: str, subtitle: str, foot: str) -> tuple[Figure, Axes]:
    """Abre o quadro, com o achado em cima e a nota no pé.

    title: o achado, em até 50 letras
    subtitle: como se lê, ou o porquê
    foot: de onde vêm os números; sempre diz "não treinado" ou "treinado"
    Devolve: (fig, ax); em ax, 1 unidade = 1 px e y cresce para baixo. O miolo livre
        vai de y = 130 a y = 630.
    Erro: ValueError se foot não diz se houve treino, ou se o título não cabe.
    """
    if "treinad" not in foot:
        raise ValueError(f"foot deve dizer 'treinado' ou 'não treinado': {foot!r}.")
    with plt.style.context(_STYLE, after_reset=True):
        fig = Figure(figsize=(WIDTH / PX_PER_INCH, HEIGHT / PX_PER_INCH))
        ax = fig.add_axes((0, 0, 1, 1))
        ax.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
        ax.axis("off")
        text(ax, MARGIN, 54, title, size=SIZES["title"], weight="bold")
        text(ax, MARGIN, 96, subtitle, size=SIZES["subtitle"], color=COLORS["soft"])
        text(ax, MARGIN, 648, foot, size=SIZES["foot"], color=COLORS["soft"])
    width = text_width(title, SIZES["title"], "bold")
    if width > WIDTH - 2 * MARGIN:
        room = WIDTH - 2 * MARGIN
        raise ValueError(f"o título tem {width:.0f} px, mas cabem {room}: {title!r}.")
    return fig, ax


def text_width(words: str, size: float, weight: str = "normal") -> float:
    """A largura de um texto, em px."""
    shape = TextPath((0, 0), words, size=size, prop={"weight": weight})
    return shape.get_extents().width * PX_PER_INCH / 72


def text(
    ax: Axes,
    x: float,
    y: float,
    words: str,
    *,
    size: float = SIZES["text"],
    color: str = COLORS["ink"],
    weight: str = "normal",
    ha: str = "left",
    on: str | None = None,
    **style,
) -> Text:
    """Escreve no quadro, centrado na altura y.

    size: pt, de 12 para cima
    color: uma cor; em fundo branco, só ink, soft, q e DEEP se leem
    on: a cor de um fundo próprio, para o texto que passa sobre uma linha
    Erro: ValueError se size é menor que 12.
    """
    if size < MIN_SIZE:
        raise ValueError(f"size deve ser {MIN_SIZE} pt ou mais, mas veio {size}.")
    if "\n" not in words:  # pela linha de base: "que" e "miou" ficam na mesma altura
        y, style = y + 0.36 * size * PX_PER_INCH / 72, {"va": "baseline"} | style
    style = {"ha": ha, "va": "center", "zorder": 6, "linespacing": 1.35} | style
    label = ax.text(
        x, y, words, fontsize=size, color=color, weight=weight, family="DejaVu Sans",
        **style,
    )  # fmt: skip
    if on is not None:
        label.set_bbox({"boxstyle": "square,pad=0.18", "fc": on, "ec": "none"})
    return label


# --- peças ----------------------------------------------------------------------------


def box(
    ax: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    role: str = "soft",
    face: str | None = None,
    lw: float = 2,
    dashed: bool = False,
    radius: float = 10,
    zorder: float = 2,
) -> None:
    """Um retângulo de cantos redondos; (x, y) é o canto de cima, à esquerda.

    role: o papel da borda em COLORS
    face: a cor do fundo; se omitida, a do papel, clareada
    """
    style = {"facecolor": tint(role) if face is None else face, "lw": lw}
    style |= {"edgecolor": COLORS[role], "linestyle": (0, (4, 3)) if dashed else "-"}
    shape = f"round,pad=0,rounding_size={radius}"
    patch = FancyBboxPatch((x, y), width, height, boxstyle=shape, mutation_aspect=1)
    patch.set(zorder=zorder, **style)
    ax.add_patch(patch)


def panel(
    ax: Axes, x: float, y: float, width: float, height: float, title: str | None = None
) -> None:
    """Um cartão cinza-claro que agrupa; o título fica em cima, dentro dele."""
    face = tint("grid", "mid")
    box(ax, x, y, width, height, role="grid", face=face, lw=0, radius=14, zorder=0)
    if title:
        text(ax, x + 20, y + 26, title, size=SIZES["label"], weight="bold")


def token(
    ax: Axes,
    x: float,
    y: float,
    word: str,
    *,
    role: str = "ink",
    width: float = 96,
    height: float = 48,
    solid: bool = False,
    dashed: bool = False,
    size: float = SIZES["label"],
) -> None:
    """A caixa de um token, centrada em (x, y).

    role: "q" (consulta), "k" (chave), "v" (valor), "error", "soft" ou "ink" (só texto)
    solid: fundo cheio, para o token de que se fala
    dashed: borda tracejada, para o que não se vê ou é só ruído
    """
    face = COLORS[role] if solid else ("white" if dashed or role == "ink" else None)
    look = {"role": role, "face": face, "dashed": dashed}
    box(ax, x - width / 2, y - height / 2, width, height, **look)
    ink = ink_on(COLORS[role]) if solid else COLORS["soft" if dashed else "ink"]
    weight = "bold" if solid else "normal"
    text(ax, x, y, word, size=size, color=ink, weight=weight, ha="center")


def tokens(
    ax: Axes, x: float, y: float, words, *, gap: float = 12, pad: float = 16, **looks
) -> list[float]:
    """Uma fila de tokens a partir de x, cada um da largura da sua palavra.

    looks: opções de ``token``; ``roles``, ``solids`` e ``dashes`` valem por palavra
    Devolve: o centro x de cada token.
    """
    roles = looks.pop("roles", [looks.pop("role", "ink")] * len(words))
    solids = looks.pop("solids", [False] * len(words))
    dashes = looks.pop("dashes", [False] * len(words))
    size, centers = looks.get("size", SIZES["label"]), []
    for word, role, solid, dashed in zip(words, roles, solids, dashes):
        width = text_width(word, size, "bold") + 2 * pad
        style = {"role": role, "solid": solid, "dashed": dashed, "width": width}
        token(ax, x + width / 2, y, word, **style, **looks)
        centers.append(x + width / 2)
        x += width + gap
    return centers


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    color: str = COLORS["soft"],
    lw: float = 2,
    dashed: bool = False,
) -> None:
    """Uma seta reta de start a end."""
    start, end = np.array(start, float), np.array(end, float)
    head = 8 + 2 * lw  # px
    along = (end - start) / np.linalg.norm(end - start)
    neck = end - 0.8 * head * along
    _line(ax, Path([start, neck]), color, lw, dashed)
    _head(ax, end, along, head, color)


def arc(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    top: float,
    color: str = COLORS["weights"],
    lw: float = 2,
    dashed: bool = False,
) -> None:
    """Um arco com ponta, que sai e chega na vertical; o ápice fica em y = top.

    Para um peso de atenção, use ``lw=arc_width(weight)``.
    """
    (x0, y0), (x1, y1) = start, end
    side = 1 if top > y1 else -1
    head = 8 + 1.6 * lw
    neck = y1 + side * 0.8 * head
    knee0, knee1 = y0 + 4 / 3 * (top - y0), neck + 4 / 3 * (top - neck)
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    curve = Path([(x0, y0), (x0, knee0), (x1, knee1), (x1, neck)], codes)
    _line(ax, curve, color, lw, dashed)
    _head(ax, np.array([x1, y1]), np.array([0.0, -side]), head, color)


def arc_width(weight: float) -> float:
    """A espessura, em pt, do arco de um peso de atenção: de 1 a 11."""
    return 1 + 10 * weight


def _line(ax, path, color, lw, dashed):
    style = {"edgecolor": color, "lw": lw, "capstyle": "butt", "zorder": 3}
    style["linestyle"] = (0, (3, 2)) if dashed else "-"
    ax.add_patch(PathPatch(path, fill=False, **style))


def _head(ax, tip, along, size, color):
    across = np.array([-along[1], along[0]])
    base = tip - size * along
    corners = [tip, base + 0.45 * size * across, base - 0.45 * size * across]
    ax.add_patch(Polygon(corners, closed=True, facecolor=color, lw=0, zorder=4))


def matrix(
    ax: Axes,
    x: float,
    y: float,
    values,
    *,
    role: str = "weights",
    rows=None,
    cols=None,
    cell: tuple[float, float] = (64, 48),
    blocked=None,
    limit: float | None = None,
    decimals: int | None = 2,
    size: float = SIZES["text"],
    outline: tuple[int, int, int, int] | None = None,
    bold=(),
) -> None:
    """Uma tabela de números; (x, y) é o canto de cima, à esquerda, da célula (0, 0).

    values: (n, m)
    role: "weights" (mapa de 0 a 1), "scores" (mapa de −limit a limit, branco no 0), ou
        um papel de cor única: "q", "k", "v", "ink"
    rows, cols: textos à esquerda das linhas e em cima das colunas
    cell: largura e altura da célula, em px
    blocked: bool (n, m), True = bloqueado: sai hachurado, sem número
    decimals: casas dos números; None não os escreve
    outline: (linha, coluna, linhas, colunas) de um contorno azul, o da consulta
    bold: índices das linhas cujo nome sai em negrito
    """
    values = np.asarray(values, dtype=float)
    n, m = values.shape
    width, height = cell
    shut = np.zeros((n, m), bool) if blocked is None else np.asarray(blocked)
    if limit is None and role == "scores":
        limit = np.abs(values[~shut]).max()
    for i, j in np.ndindex(n, m):
        corner = (x + j * width, y + i * height)
        if shut[i, j]:
            _hatched(ax, corner, width, height)
            continue
        if role == "weights":
            face = to_hex(WEIGHTS_MAP(values[i, j]))
        elif role == "scores":
            face = to_hex(SCORES_MAP((values[i, j] + limit) / (2 * limit)))
        else:
            face = tint(role)
        cell_patch = Rectangle(corner, width, height, facecolor=face, zorder=2)
        cell_patch.set(edgecolor=COLORS["grid"], lw=0.8)
        ax.add_patch(cell_patch)
        if decimals is not None:
            middle = (corner[0] + width / 2, corner[1] + height / 2)
            number = comma(values[i, j], decimals)
            text(ax, *middle, number, size=size, color=ink_on(face), ha="center")
    if role in ("q", "k", "v", "ink"):
        frame = Rectangle((x, y), m * width, n * height, fill=False, zorder=3)
        frame.set(edgecolor=COLORS[role], lw=2.2)
        ax.add_patch(frame)
    for i, word in enumerate(rows or []):
        weight = "bold" if i in bold else "normal"
        middle = y + (i + 0.5) * height
        text(ax, x - 10, middle, word, size=size, ha="right", weight=weight)
    for j, word in enumerate(cols or []):
        text(ax, x + (j + 0.5) * width, y - 16, word, size=size, ha="center")
    if outline is not None:
        i, j, tall, wide = outline
        corner = (x + j * width, y + i * height)
        frame = Rectangle(corner, wide * width, tall * height, fill=False, zorder=5)
        frame.set(edgecolor=COLORS["q"], lw=3)
        ax.add_patch(frame)


def _hatched(ax, corner, width, height):
    """Uma célula bloqueada, com riscos de canto a canto."""
    ground = Rectangle(corner, width, height, facecolor=tint("grid", "mid"), lw=0)
    ground.set_zorder(2)
    ax.add_patch(ground)
    x, y = corner
    for share in (0.25, 0.5, 0.75, 1.0):
        for a, b in [
            ((x, y + share * height), (x + share * width, y)),
            ((x + share * width, y + height), (x + width, y + share * height)),
        ]:
            _stroke(ax, [a, b], tint("soft", "mid"), 1)


def _stroke(ax, points, color, lw, dashes="-", zorder=2):
    """Uma linha que passa por points, sem ponta."""
    patch = PathPatch(Path(np.asarray(points, float)), fill=False, edgecolor=color)
    patch.set(lw=lw, linestyle=dashes, capstyle="butt", joinstyle="round")
    patch.set_zorder(zorder)
    ax.add_patch(patch)


def bar(
    ax: Axes,
    x: float,
    y: float,
    length: float,
    *,
    role: str = "weights",
    height: float = 26,
    hatched: bool = False,
) -> None:
    """Uma barra deitada, de x a x + length, centrada na altura y."""
    face = tint(role) if hatched else COLORS[role]
    patch = Rectangle((x, y - height / 2), length, height, facecolor=face, zorder=2)
    patch.set(edgecolor=COLORS[role], lw=1.5)
    ax.add_patch(patch)


def line(
    ax: Axes,
    points,
    *,
    color: str = COLORS["soft"],
    lw: float = 2,
    dashed: bool = False,
) -> None:
    """Uma linha que passa por points, sem ponta."""
    _stroke(ax, points, color, lw, (0, (3, 2)) if dashed else "-", zorder=3)


def chart(
    ax: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    xticks: dict[float, str],
    yticks: dict[float, str],
    log_y: bool = False,
):
    """Um par de eixos; (x, y) é o canto de cima, à esquerda, em px.

    xticks, yticks: valor → o que se escreve; o menor e o maior são as pontas do eixo
    log_y: eixo logarítmico, de baixo para cima
    Devolve: a função que leva (a, b), do gráfico, a (x, y), em px.
    """
    rule = np.log10 if log_y else float
    left, right = min(xticks), max(xticks)
    low, high = rule(min(yticks)), rule(max(yticks))

    def place(a, b):
        across, up = (a - left) / (right - left), (rule(b) - low) / (high - low)
        return x + width * across, y + height * (1 - up)

    for value, words in yticks.items():
        here = place(left, value)
        _stroke(ax, [here, place(right, value)], COLORS["grid"], 1.2)
        text(ax, x - 10, here[1], words, size=MIN_SIZE, ha="right")
    for value, words in xticks.items():
        here = place(value, min(yticks))
        text(ax, here[0], here[1] + 20, words, size=MIN_SIZE, ha="center")
    floor = place(left, min(yticks)), place(right, min(yticks))
    _stroke(ax, floor, COLORS["soft"], 1.5)
    return place


def dots(ax: Axes, points, *, color: str, size: float = 11, shape: str = "o") -> None:
    """Marcas sobre points, em px: "o" (círculo), "D" (losango) ou "s" (quadrado)."""
    sides = {"o": 40, "D": 4, "s": 4}[shape]
    turn = {"o": 0, "D": 0, "s": np.pi / 4}[shape]
    angles = turn + 2 * np.pi * np.arange(sides) / sides
    for point in points:
        rim = np.array(point) + size / 2 * np.stack([np.cos(angles), np.sin(angles)], 1)
        mark = Polygon(rim, closed=True, facecolor=color, edgecolor="white", lw=1.5)
        mark.set_zorder(5)
        ax.add_patch(mark)


# --- o arquivo ------------------------------------------------------------------------


def to_svg(fig: Figure, texts: Texts) -> str:
    """O SVG da figura, com título e descrição, igual a cada vez.

    Devolve: o texto do SVG. ``<title>`` é o texto alternativo e ``<desc>``, a descrição
        longa: são os que ``attention_lab.infographic`` mostra.
    """
    out = io.StringIO()
    for artist in fig.findobj():
        artist.set_clip_on(False)  # nada sai do quadro, e o SVG fica sem recortes
    with plt.style.context(_STYLE, after_reset=True):
        fig.savefig(out, format="svg")
    svg = out.getvalue()
    svg = svg[svg.index("<svg ") :]  # sem DOCTYPE
    svg = re.sub(r" *<metadata>.*?</metadata>\n", "", svg, flags=re.DOTALL)  # a data
    for count, name in enumerate(dict.fromkeys(_MADE_ID.findall(svg))):
        svg = svg.replace(name, f"n{count}")
    svg = re.sub(r' d="[^"]*"', lambda d: _LONG_NUMBER.sub(_short, d.group()), svg)
    alt, long = (html.escape(words, quote=False) for words in (texts.alt, texts.long))
    head = (
        f' role="img" aria-labelledby="titulo descricao" lang="pt-BR">\n'
        f' <title id="titulo">{alt}</title>\n'
        f' <desc id="descricao">{long}</desc>\n'
    )
    start = svg.index(">")
    svg = svg[:start] + head + svg[start + 1 :].lstrip("\n")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + svg


def _short(number):
    return f"{float(number.group()):.2f}".rstrip("0").rstrip(".")
