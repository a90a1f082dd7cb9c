"""As figuras do curso: entram pesos e tokens, sai um Axes; o estilo mora só aqui.

Esta sala não calcula nada: desenha o que recebe (tensores, arrays ou listas) e se
recusa a desenhar o que não fecha. O uso é sempre o mesmo, em três linhas:

    fig, ax = figures.canvas()
    figures.weights_map(ax, weights, tokens, title="o que a figura mostra")
    figures.show(fig, "Mapa de pesos: tipo, mensagem e dois ou três valores.")

O título diz o achado, e o texto alternativo diz o mesmo a quem não vê a figura.
"""

import base64
import functools
import html
import io
import math
import textwrap

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

COLORS = {  # Okabe–Ito, por papel; nunca só a cor: há sempre letra, traço ou hachura
    "q": "#0072B2",
    "k": "#E69F00",
    "v": "#009E73",
    "weights": "#CC79A7",
    "scores": "#CC79A7",
    "error": "#D55E00",
    "ink": "#1F2933",
    "soft": "#5B6673",
    "grid": "#DDE2E7",
}
_PURPLES = ["#FFFFFF", "#F0D3E3", COLORS["weights"], "#7B2D5B", "#3D0F2B"]
WEIGHTS_MAP = LinearSegmentedColormap.from_list(  # um matiz só; a claridade só cai
    "weights", _PURPLES
)
SCORES_MAP = LinearSegmentedColormap.from_list(  # branco no zero; oliva < 0 < púrpura
    "scores",
    ["#332B00", "#75650F", "#BFAE55", "#EDE6C2", *_PURPLES],
    N=257,  # ímpar: o zero é branco exato
)

MIN_SIZE = 9  # pt, no tamanho em que a figura aparece na tela
PX_PER_INCH = 96  # do navegador: assim 9 pt da figura são 9 pt na tela
MAX_WIDTH = 840 / PX_PER_INCH  # polegadas: a saída do JupyterLab, em 1280 px, tem 848

_STYLE = {
    "font.family": "DejaVu Sans",  # vem com o Matplotlib: igual em toda máquina
    "font.size": 10.5,
    "text.color": COLORS["ink"],
    "figure.facecolor": "white",
    "figure.dpi": PX_PER_INCH,
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": COLORS["soft"],
    "axes.labelcolor": COLORS["ink"],
    "axes.labelsize": 10.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": COLORS["grid"],
    "grid.linewidth": 0.8,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.color": COLORS["soft"],
    "ytick.color": COLORS["soft"],
    "xtick.labelcolor": COLORS["ink"],
    "ytick.labelcolor": COLORS["ink"],
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.wspace": 0.04,
    "figure.constrained_layout.hspace": 0.06,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "hatch.linewidth": 0.8,
    "hatch.color": "#B4BDC6",
}
_HATCH = {"facecolor": "#F4F6F8", "edgecolor": "#B4BDC6", "hatch": "///", "lw": 0}
_ARROWS = {"k": ("--", "-|>"), "v": ("-", "->")}  # traço e ponta; os outros: "-", "-|>"
_SERIES = [  # cor, marcador e traço de cada série: distinguem-se também sem cor
    (COLORS["q"], "o", "-"),
    (COLORS["weights"], "s", (0, (5, 2))),
    (COLORS["v"], "^", (0, (4, 1.5, 1, 1.5))),
    (COLORS["ink"], "D", (0, (1.5, 1.5))),
    (COLORS["k"], "v", (0, (8, 2))),
    (COLORS["error"], "X", (0, (3, 1, 1, 1, 1, 1))),
]
_GROUPS = [(COLORS["q"], ""), (COLORS["k"], "////"), (COLORS["v"], "....")]
_CUBIC = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]


def _styled(draw):
    """Desenha com o estilo do curso sem mudar o Matplotlib de quem chamou."""

    @functools.wraps(draw)
    def styled(*args, **kwargs):
        with plt.style.context(_STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return styled


# --- entrada e saída --------------------------------------------------------------


@_styled
def canvas(
    n_rows: int = 1,
    n_cols: int = 1,
    *,
    width: float | None = None,
    height: float | None = None,
) -> tuple[Figure, Axes | np.ndarray]:
    """Abre uma figura em branco com o estilo do curso.

    n_rows, n_cols: quantos quadros
    width, height: polegadas (1 polegada = 96 px na tela); se omitidas, cabem os
        quadros, até a largura máxima de 840 px
    Devolve: (fig, ax); ax é um Axes, ou um array (n_rows, n_cols) deles (com uma
        linha ou uma coluna só, um array de um eixo), como ``plt.subplots``.
    Erro: ValueError se a largura não cabe na tela.

    >>> fig, axes = canvas(1, 2)
    >>> axes.shape
    (2,)
    >>> plt.close(fig)
    """
    width = min(1.0 + 5.2 * n_cols, MAX_WIDTH) if width is None else width
    height = 4.2 * n_rows if height is None else height
    if not 2 <= width <= MAX_WIDTH:
        raise ValueError(
            f"width deve ir de 2 a {comma(MAX_WIDTH, 3)} polegadas (840 px), "
            f"mas veio {comma(width, 3)}."
        )
    return plt.subplots(n_rows, n_cols, figsize=(width, height), layout="constrained")


@_styled
def show(fig: Figure, alt: str) -> None:
    """Mostra a figura com o seu texto alternativo e a fecha.

    fig: a figura de ``canvas``
    alt: o que a figura mostra, em palavras: o tipo, a mensagem e dois ou três
        valores, de preferência calculados (``comma`` escreve a vírgula decimal)
    Devolve: nada. No caderno saem um ``image/png`` (com alt e tamanho nos
        metadados) e, embaixo, a "Descrição da figura", que se abre com um clique:
        o JupyterLab não lê o alt dos metadados, e a descrição chega a todos os
        leitores. Fora do IPython, abre a janela do Matplotlib.
    Erro: TypeError ou ValueError se alt não é um texto de 20 caracteres ou mais.
    """
    if not isinstance(alt, str):
        raise TypeError(f"alt deve ser um texto, mas veio {type(alt).__name__}.")
    alt = " ".join(alt.split())
    if len(alt) < 20:
        raise ValueError(
            "alt deve dizer o tipo da figura, a mensagem e dois ou três valores "
            f"(20 caracteres ou mais), mas veio {alt!r}, com {len(alt)}."
        )
    if get_ipython() is None:
        _fit(fig)
        plt.show()
    else:
        png = base64.b64encode(to_png(fig)).decode()
        width, height = (round(side * PX_PER_INCH) for side in fig.get_size_inches())
        display(
            {"image/png": png, "text/plain": alt},
            metadata={"image/png": {"alt": alt, "width": width, "height": height}},
            raw=True,
        )
        text = f"<summary>Descrição da figura</summary>{html.escape(alt)}"
        display(
            {
                "text/html": f"<details>{text}</details>",
                "text/plain": f"Descrição da figura: {alt}",
            },
            raw=True,
        )
    plt.close(fig)


@_styled
def to_png(fig: Figure) -> bytes:
    """Os bytes do PNG da figura: sem data nem versão, iguais a cada vez.

    fig: a figura de ``canvas``
    Devolve: bytes de um PNG com 1,5 ponto por px de tela, fundo branco opaco.
    """
    fig.set_dpi(1.5 * PX_PER_INCH)  # antes de medir: os textos se medem em px
    _fit(fig)
    out = io.BytesIO()
    fig.savefig(out, format="png", dpi=fig.dpi, metadata={"Software": None})
    return out.getvalue()


def comma(number, decimals: int = 2) -> str:
    """Escreve um número à brasileira: vírgula decimal e ponto de milhar.

    number: número, ou tensor de um elemento só
    decimals: casas depois da vírgula
    Devolve: texto, com o sinal de menos tipográfico.

    >>> comma(0.3), comma(-1.256), comma(22544, 0)
    ('0,30', '−1,26', '22.544')
    """
    value = round(float(number), decimals) + 0.0  # + 0.0: nunca "−0,00"
    swap = str.maketrans({",": ".", ".": ",", "-": "−"})
    return f"{value:,.{decimals}f}".translate(swap)


# --- mapas ------------------------------------------------------------------------


@_styled
def weights_map(
    ax: Axes,
    weights,
    rows,
    cols=None,
    *,
    mask=None,
    highlight: int | tuple[int, int] | None = None,
    title: str | None = None,
    untrained: bool = False,
    colorbar: bool = True,
    decimals: int = 2,
) -> Axes:
    """Mapa de calor dos pesos de atenção: cada linha é uma consulta.

    weights: (T_q, T_k), de 0 a 1
    rows: T_q textos, os tokens das consultas
    cols: T_k textos, os tokens das chaves; os mesmos de rows se omitidos
    mask: bool (T_q, T_k), True = pode olhar; o que não pode sai hachurado
    highlight: a linha que se quer apontar, ou a célula (linha, coluna)
    untrained: True acrescenta "(não treinado)" ao título
    colorbar: a barra de cores; em uma fila de mapas, basta no último
    decimals: casas dos números, que só aparecem quando cabem nas células
    Devolve: ax.
    Erro: TypeError ou ValueError, com os números, se as formas não combinam, se um
        peso é NaN ou sai de 0..1, ou se a máscara esconde um peso que não é 0.

    >>> fig, ax = canvas()
    >>> ax = weights_map(ax, [[1.0, 0.0], [0.25, 0.75]], ["o", "gato"])
    >>> [text.get_text() for text in ax.texts]
    ['1,00', '0,00', '0,25', '0,75']
    >>> plt.close(fig)
    """
    weights, rows, cols = _matrix(ax, "weights", weights, rows, cols)
    _check_weights("weights", weights)
    blocked = _blocked(mask, weights)
    _check_hidden("weights", weights, blocked)
    image = _heat_map(ax, weights, blocked, rows, cols, WEIGHTS_MAP, 0, 1, decimals)
    if colorbar:
        _colorbar(ax, image, "peso de atenção", [0, 0.25, 0.5, 0.75, 1])
    _outline(ax, highlight, weights.shape)
    return _title(ax, title, untrained)


@_styled
def scores_map(
    ax: Axes,
    scores,
    rows,
    cols=None,
    *,
    mask=None,
    highlight: int | tuple[int, int] | None = None,
    title: str | None = None,
    untrained: bool = False,
    colorbar: bool = True,
    limit: float | None = None,
    decimals: int = 1,
) -> Axes:
    """Mapa de calor dos escores, antes do softmax: branco no zero, cores opostas.

    scores: (T_q, T_k); −inf quer dizer bloqueado e sai hachurado
    rows, cols, mask, highlight, untrained, colorbar: como em ``weights_map``
    limit: as cores vão de −limit a limit (para comparar dois mapas); se omitido,
        o maior escore em módulo
    decimals: uma casa cabe em sete tokens com sinal; nos mapas à mão, use 2
    Devolve: ax.
    Erro: TypeError ou ValueError, com os números, se as formas não combinam ou se
        um escore é NaN ou +inf.

    >>> fig, ax = canvas()
    >>> ax = scores_map(ax, [[2.0, -float("inf")], [-1.0, 0.5]], ["o", "gato"])
    >>> [text.get_text() for text in ax.texts]
    ['2,0', '−1,0', '0,5']
    >>> plt.close(fig)
    """
    scores, rows, cols = _matrix(ax, "scores", scores, rows, cols)
    _check_finite("scores", np.where(scores == -np.inf, 0, scores))
    blocked = _blocked(mask, scores) | (scores == -np.inf)
    if limit is None:
        limit = np.abs(scores[~blocked]).max(initial=0) or 1.0
    image = _heat_map(
        ax, scores, blocked, rows, cols, SCORES_MAP, -limit, limit, decimals
    )
    if colorbar:
        _colorbar(ax, image, "escore de atenção", None)
    _outline(ax, highlight, scores.shape)
    return _title(ax, title, untrained)


def _stripes(blocked):
    """As células bloqueadas, juntas as vizinhas de cada linha: desenha-se depressa."""
    edges = np.diff(np.pad(blocked.astype(int), ((0, 0), (1, 1))), axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return [
        Rectangle((j - 0.5, i - 0.5), end - j, 1)
        for (i, j), (_, end) in zip(starts, ends, strict=True)
    ]


def _heat_map(ax, values, blocked, rows, cols, cmap, low, high, decimals):
    shown = np.ma.masked_array(values, blocked)
    image = ax.imshow(shown, cmap=cmap, vmin=low, vmax=high)
    hatched = PatchCollection(_stripes(blocked), zorder=2, **_HATCH)
    hatched.set_in_layout(False)
    ax.add_collection(hatched, autolim=False)
    roomy = ax.figure.bbox.width / values.shape[1] > 24  # px: menos que isso, nem tente
    for i, j in np.argwhere(~blocked) if roomy else []:
        number = ax.text(j, i, comma(values[i, j], decimals), ha="center", va="center")
        paint = _readable_on(image.cmap(image.norm(values[i, j])))
        number.set(fontsize=10, color=paint, gid="number", in_layout=False)
    ax.set_xticks(range(len(cols)), cols)
    ax.set_yticks(range(len(rows)), rows)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0, labelsize=MIN_SIZE if _is_narrow(ax) else 10)
    ax.spines[:].set_visible(False)
    ax.set_anchor("NW")  # o título continua alinhado à esquerda do mapa
    spec = ax.get_subplotspec()
    if spec is None or spec.is_first_row():
        ax.set_xlabel("chave (coluna)", labelpad=7)
    if spec is None or spec.is_first_col():
        ax.set_ylabel("consulta (linha)", labelpad=7)
    ax.set_gid("map")
    return image


def _colorbar(ax, image, label, ticks):
    rows, cols = image.get_array().shape
    place, side = [1.03, 0, 0.045, 1], "vertical"
    if 2 * rows < cols:  # mapa baixo: a barra vai embaixo, na mesma espessura
        place, side = [0, -0.08 * cols / rows, 1, 0.04 * cols / rows], "horizontal"
    cax = ax.inset_axes(place)
    bar = ax.figure.colorbar(image, cax=cax, orientation=side, ticks=ticks)
    bar.set_label(label, labelpad=7)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=3)
    _comma_ticks(bar.ax.xaxis if side == "horizontal" else bar.ax.yaxis)


def _outline(ax, highlight, shape):
    if highlight is None:
        return
    row, col = highlight if isinstance(highlight, tuple) else (highlight, None)
    _check_index("a linha de highlight", row, shape[0])
    _check_index("a coluna de highlight", col, shape[1])
    left, width = (-0.5, shape[1]) if col is None else (col - 0.5, 1)
    box = Rectangle((left, row - 0.5), width, 1, zorder=4, clip_on=False)
    box.set(facecolor="none", edgecolor=COLORS["q"], linewidth=2.5)
    ax.add_patch(box)
    ax.get_yticklabels()[row].set(weight="bold", color=COLORS["q"])
    if col is not None:
        ax.get_xticklabels()[col].set(weight="bold")


# --- setas, curvas, barras e arcos ------------------------------------------------


@_styled
def vectors(
    ax: Axes,
    points,
    labels,
    *,
    color: str = "ink",
    hull: bool = False,
    inside=None,
    inside_label: str = "contexto",
    title: str | None = None,
) -> Axes:
    """Setas de duas dimensões, a partir da origem; chamadas seguidas se somam.

    points: (T, 2), as pontas das setas
    labels: T textos, um por seta
    color: o papel em ``COLORS`` ("q", "k", "v", "ink"...); q, k e v têm também
        traços diferentes
    hull: True pinta o fecho convexo das pontas, onde cai toda média ponderada
    inside: (2,), um ponto marcado com um losango: o vetor de contexto
    inside_label: o nome desse ponto
    Devolve: ax, com a mesma escala nos dois eixos.
    Erro: TypeError ou ValueError se as formas não combinam ou há NaN.

    >>> fig, ax = canvas()
    >>> ax = vectors(ax, [[1.0, 0.0], [0.0, 2.0]], ["gato", "telhado"], color="v")
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['gato', 'telhado']
    >>> plt.close(fig)
    """
    _check_axes(ax)
    points = _array("points", points, 2)
    if points.shape[1] != 2:
        raise ValueError(f"points deve ter a forma (T, 2), mas veio {points.shape}.")
    _check_finite("points", points)
    labels = _tokens("labels", labels, len(points), "setas")
    paint = _color(color)
    if hull:
        area = Polygon(_convex_hull(points), closed=True, zorder=1)
        area.set(facecolor=paint + "22", edgecolor=paint, linestyle=":", linewidth=1.3)
        ax.add_patch(area)
    dashes, head = _ARROWS.get(color, ("-", "-|>"))
    head = {"arrowstyle": f"{head},head_length=0.5,head_width=0.22", "color": paint}
    head |= {"lw": 2, "shrinkA": 0, "shrinkB": 0}
    for point, label in zip(points, labels, strict=True):
        near = 0.97 * point  # a ponta é sempre cheia, mesmo na haste tracejada
        ax.plot(*zip((0, 0), near, strict=True), color=paint, lw=2, linestyle=dashes)
        ax.annotate("", point, near, arrowprops=head)
        _tip(ax, point, label)
    ends = [points, np.zeros((1, 2))]
    if inside is not None:
        inside = _sized("inside", inside, 2)
        style = {"color": COLORS["weights"], "markeredgecolor": COLORS["ink"]}
        ax.plot(*inside, "D", markersize=10, zorder=5, **style)
        _tip(ax, inside, inside_label)
        ax.texts[-1].set_label("diamond")  # o nome fica mais longe da ponta
        ends.append(inside[None])
    ends = np.concatenate(ends)
    side = np.ptp(ends, axis=0).max() or 1
    around = np.array([side / 4, side / 8])  # lugar para os nomes
    ax.update_datalim([ends.min(0) - around, ends.max(0) + around])
    ax.margins(0)
    ax.autoscale_view()
    ax.set_aspect("equal", adjustable="datalim")
    if not ax.get_xlabel():  # só na primeira chamada
        ax.axhline(0, color=COLORS["soft"], lw=0.8, zorder=0)
        ax.axvline(0, color=COLORS["soft"], lw=0.8, zorder=0)
        ax.grid(True)
        ax.set(xlabel="dimensão 1", ylabel="dimensão 2")
        ax.locator_params(nbins=6)
        _comma_ticks(ax.xaxis, ax.yaxis)
    return _title(ax, title)


@_styled
def curves(
    ax: Axes,
    x,
    series: dict,
    *,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    bands: dict | None = None,
    band_label: str = "faixa: mínimo e máximo entre as sementes",
    levels: dict[str, float] | None = None,
    colors: dict[str, str] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    decimals: int = 2,
) -> Axes:
    """Uma linha por série, com o nome na ponta, e níveis de referência.

    x: (n,)
    series: nome -> (n,), até 6 séries; cada uma tem cor, marcador e traço seus
    xlabel, ylabel: o que são os eixos, com a unidade
    bands: nome de uma série -> (mínimos, máximos), cada um (n,)
    band_label: o que é a faixa; fica embaixo de xlabel
    levels: nome -> valor, uma reta tracejada ("acaso", "entropia exata")
    colors: nome de uma série -> papel em ``COLORS``; as outras seguem a ordem
    log_x, log_y: eixo logarítmico
    decimals: casas dos valores dos níveis
    Devolve: ax.
    Erro: TypeError ou ValueError se os tamanhos não combinam, se há NaN ou se um
        eixo logarítmico recebe um valor que não é positivo.

    >>> fig, ax = canvas()
    >>> ax = curves(ax, [1, 2], {"LSTM": [0.9, 0.5]}, levels={"acaso": 1 / 12},
    ...             xlabel="distância (tokens)", ylabel="acurácia")
    >>> [text.get_text() for text in ax.texts]
    ['LSTM', 'acaso: 0,08']
    >>> plt.close(fig)
    """
    _check_axes(ax)
    x = _array("x", x, 1)
    bands, levels, colors = bands or {}, levels or {}, colors or {}
    if not isinstance(series, dict):
        raise TypeError(
            f"series deve ser um dicionário nome -> valores, mas veio "
            f"{type(series).__name__}."
        )
    if not 1 <= len(series) <= len(_SERIES):
        raise ValueError(
            f"series deve ter de 1 a {len(_SERIES)} séries, mas veio {len(series)}: "
            "reparta-as em mais de um quadro."
        )
    for name in [*bands, *colors]:
        if name not in series:
            raise ValueError(
                f"bands ou colors fala de {name!r}, que não está em series: "
                f"{list(series)}."
            )
    _check_scale("x", _sized("x", x, len(x)), log_x)
    ax.set_xscale("log" if log_x else "linear")
    ax.set_yscale("log" if log_y else "linear")
    for (name, values), look in zip(series.items(), _SERIES, strict=False):
        values = _sized(f"series[{name!r}]", values, len(x))
        _check_scale(f"series[{name!r}]", values, log_y)
        paint, marker, dashes = look
        paint = _color(colors[name]) if name in colors else paint
        style = {"marker": marker, "markersize": 7, "markeredgecolor": "white"}
        style |= {"markevery": math.ceil(len(x) / 10), "linestyle": dashes, "lw": 2}
        ax.plot(x, values, color=paint, label=name, zorder=3, **style)
        if name in bands:
            low, high = (_sized(f"bands[{name!r}]", b, len(x)) for b in bands[name])
            _check_scale(f"bands[{name!r}]", low, log_y)
            ax.fill_between(x, low, high, color=paint, alpha=0.18, lw=0, zorder=2)
        _end_label(ax, (x[-1], values[-1]), "data", name, paint)
    for name, value in levels.items():
        _check_scale(f"levels[{name!r}]", _sized("levels", [value], 1), log_y)
        style = {"color": COLORS["soft"], "lw": 1.3, "linestyle": (0, (6, 4))}
        ax.axhline(value, zorder=1, **style)
        text = f"{name}: {comma(value, decimals)}"
        _end_label(ax, (1, value), ax.get_yaxis_transform(), text, COLORS["soft"])
    ax.set(xlabel=xlabel + (f"\n({band_label})" if bands else ""), ylabel=ylabel)
    ax.grid(True, axis="y")
    ax.margins(x=0.02)
    if log_x and len(x) <= 8:
        ax.xaxis.set_major_locator(FixedLocator(x))
        ax.xaxis.set_minor_locator(NullLocator())
        _comma_ticks(ax.xaxis)
    _comma_ticks(*[] if log_x else [ax.xaxis], *[] if log_y else [ax.yaxis])
    return _title(ax, title)


@_styled
def bars(
    ax: Axes,
    labels,
    values,
    errors=None,
    *,
    xlabel: str,
    title: str | None = None,
    highlight: int | None = None,
    levels: dict[str, float] | None = None,
    decimals: int = 2,
) -> Axes:
    """Barras deitadas, a primeira em cima, com o valor escrito na ponta.

    labels: n textos
    values: (n,); ou nome -> (n,), até 3 grupos ("antes" e "depois", por exemplo)
    errors: meia largura do traço de erro, na mesma forma de values
    xlabel: o que se mede, com a unidade
    highlight: a barra que se quer apontar; as outras ficam cinza (só sem grupos)
    levels: nome -> valor, uma reta tracejada ("acaso")
    decimals: casas dos valores
    Devolve: ax.
    Erro: TypeError ou ValueError se os tamanhos não combinam ou há NaN.

    >>> fig, ax = canvas()
    >>> ax = bars(ax, ["1 cabeça", "2 cabeças"], [0.255, 1.0], [0.007, 0.0],
    ...           xlabel="acurácia conjunta", decimals=3)
    >>> [text.get_text() for text in ax.texts]
    ['0,255 ± 0,007', '1,000 ± 0,000']
    >>> plt.close(fig)
    """
    _check_axes(ax)
    grouped = isinstance(values, dict)
    groups = values if grouped else {"values": values}
    if (
        errors is not None
        and grouped
        and (not isinstance(errors, dict) or not errors.keys() <= values.keys())
    ):
        veio = list(errors) if isinstance(errors, dict) else type(errors).__name__
        raise ValueError(
            f"errors deve ter os nomes dos grupos, {list(values)}, mas veio {veio}."
        )
    spreads = {} if errors is None else errors if grouped else {"values": errors}
    labels = _tokens("labels", labels, len(labels), "barras")
    n, n_groups = len(labels), len(groups)
    if not 1 <= n_groups <= len(_GROUPS):
        raise ValueError(
            f"values deve ter de 1 a {len(_GROUPS)} grupos, mas veio {n_groups}."
        )
    _check_index("highlight", highlight, n)
    thick = 0.62 if n_groups == 1 else 0.84 / n_groups
    for index, (name, group) in enumerate(groups.items()):
        group = _sized(name, group, n)
        y = np.arange(n) + (index - (n_groups - 1) / 2) * thick
        paint, hatch = _GROUPS[index]
        if highlight is not None:
            paint = [paint if i == highlight else "#A9B2BC" for i in range(n)]
        style = {"hatch": hatch, "edgecolor": "white", "lw": 0, "label": name}
        ax.barh(y, group, 0.92 * thick, color=paint, zorder=2, **style)
        spread = np.zeros(n)
        if name in spreads:
            spread = _sized(f"errors de {name}", spreads[name], n)
            style = {"fmt": "none", "ecolor": COLORS["ink"], "capsize": 3, "zorder": 3}
            ax.errorbar(group, y, xerr=spread, **style)
        for i in range(n):
            text = comma(group[i], decimals)
            if name in spreads:
                text += f" ± {comma(spread[i], decimals)}"
            end = (max(group[i] + spread[i], 0), y[i])  # o negativo fica à direita do 0
            number = ax.annotate(text, end, (6, 0), textcoords="offset points")
            number.set(va="center", weight="bold" if i == highlight else "normal")
    for name, value in (levels or {}).items():
        label = f"{name}: {comma(value, decimals)}"
        style = {"color": COLORS["ink"], "lw": 1.3, "linestyle": (0, (6, 4))}
        ax.axvline(value, label=label, zorder=4, **style)
    if grouped or levels:
        handles, names = ax.get_legend_handles_labels()
        kept = [i for i, name in enumerate(names) if grouped or name != "values"]
        shown = [handles[i] for i in kept], [names[i] for i in kept]
        ax.legend(*shown, loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=len(kept))
    ax.set_yticks(range(n), labels)
    ax.set_ylim(n - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color=COLORS["soft"], lw=1, zorder=3)
    ax.grid(True, axis="x")
    ax.set_xlabel(xlabel)
    _comma_ticks(ax.xaxis)
    return _title(ax, title)


@_styled
def arcs(
    ax: Axes,
    tokens,
    weights_row,
    row: int,
    *,
    mask=None,
    title: str | None = None,
    untrained: bool = False,
    decimals: int = 2,
) -> Axes:
    """Uma consulta e as suas chaves: um arco para cada uma, grosso como o peso.

    tokens: T textos
    weights_row: (T,), a linha de weights da consulta, de 0 a 1
    row: o índice da consulta
    mask: bool (T,), True = pode olhar; o arco bloqueado é tracejado e leva um ×
    untrained: True acrescenta "(não treinado)" ao título
    decimals: casas dos números, embaixo dos tokens
    Devolve: ax.
    Erro: TypeError ou ValueError se os tamanhos não combinam, se um peso sai de
        0..1 ou se os tokens não cabem na largura do quadro.

    >>> fig, ax = canvas()
    >>> ax = arcs(ax, ["o", "gato", "miou"], [0.1, 0.7, 0.2], row=2)
    >>> [text.get_text() for text in ax.texts][-4:]
    ['0,10', '0,70', '0,20', 'consulta']
    >>> plt.close(fig)
    """
    _check_axes(ax)
    weights_row = _array("weights_row", weights_row, 1)
    n = len(weights_row)
    tokens = _tokens("tokens", tokens, n, "pesos em weights_row")
    _check_index("row", row, n)
    _check_weights("weights_row", weights_row)
    blocked = _blocked(mask, weights_row)
    _check_hidden("weights_row", weights_row, blocked)
    ax.axis("off")
    boxes = []
    for j, token in enumerate(tokens):
        face, edge, ink = "#FFF6E5", COLORS["k"], COLORS["ink"]
        if blocked[j]:
            face, edge, ink = "white", COLORS["soft"], COLORS["soft"]
        if j == row:
            face, edge, ink = COLORS["q"], COLORS["q"], "white"
        box = ax.text(0, 0, token, ha="center", va="center", color=ink, zorder=3)
        style = {"boxstyle": "round,pad=0.55", "facecolor": face, "edgecolor": edge}
        style |= {"lw": 1.6, "linestyle": (0, (4, 2)) if blocked[j] else "-"}
        box.set_bbox(style)
        boxes.append(box)
    boxes[row].set_weight("bold")
    x, room = _side_by_side(ax, boxes)
    for j, box in enumerate(boxes):
        box.set_x(x[j])
    ax.set(xlim=(0, room), ylim=(-0.4, 1.05), xticks=[], yticks=[])
    reach = max(x[row] - x[0], x[-1] - x[row], 1)
    for j in np.argsort(weights_row):  # o mais pesado por cima
        side = np.sign(j - row) * max(boxes[row].get_window_extent().width / 2, 16)
        start, end, top = x[row] + side, x[j], 0.32 + 0.68 * abs(x[j] - x[row]) / reach
        if j == row:
            start, end, top = x[j] - 8, x[j] + 8, 0.3
        low, knee = 0.17, 0.17 + 4 / 3 * (top - 0.17)  # assim o ápice fica em top
        curve = Path([(start, low), (start, knee), (end, knee), (end, low)], _CUBIC)
        style = {"color": COLORS["weights"], "lw": 1 + 5 * weights_row[j]}
        if blocked[j]:
            style = {"color": COLORS["soft"], "lw": 1.2, "linestyle": (0, (4, 3))}
        ax.add_patch(PathPatch(curve, fill=False, capstyle="butt", zorder=2, **style))
        size = 6 + 9 * weights_row[j]
        ax.plot(end, low, "v", color=style["color"], markersize=size, mew=0)
        if blocked[j]:
            cross = ax.text((start + end) / 2, top, "×", ha="center", va="center")
            cross.set(color=COLORS["error"], fontsize=17, weight="bold", zorder=4)
            cross.set_bbox({"boxstyle": "circle,pad=0", "fc": "white", "ec": "none"})
    for j in range(n):
        text = "bloqueado" if blocked[j] else comma(weights_row[j], decimals)
        _below(ax, x[j], -20, text, COLORS["soft"] if blocked[j] else COLORS["ink"])
    _below(ax, x[row], -36, "consulta", COLORS["q"])
    return _title(ax, title, untrained)


# --- peças ------------------------------------------------------------------------


class _Comma(ScalarFormatter):
    """Os números dos eixos com vírgula decimal."""

    def __init__(self):
        super().__init__(useOffset=False)
        self.set_scientific(False)

    def __call__(self, x, pos=None):
        return super().__call__(x, pos).replace(".", ",")


def _comma_ticks(*axes):
    for axis in axes:
        axis.set_major_formatter(_Comma())


def _title(ax, title, untrained=False):
    if untrained:
        title = f"{title or 'Atenção'} (não treinado)"
    if title:
        above = 30 if ax.get_legend() else 10  # a legenda fica entre os dois
        ax.set_title(title, fontsize=11 if _is_narrow(ax) else 12.5, pad=above)
    return ax


def _is_narrow(ax):
    spec = ax.get_subplotspec()
    return spec is not None and spec.get_gridspec().ncols > 2


def _tip(ax, point, label):
    """O nome de uma ponta; ``_fit`` escolhe o lado em que ele cabe."""
    text = ax.annotate(label, point, (8, 8), textcoords="offset points")
    text.set(ha="center", va="center", gid="tip", zorder=6)
    text.set_path_effects([withStroke(linewidth=3, foreground="white")])


def _end_label(ax, point, coords, text, paint):
    """O nome de uma linha, à direita do quadro; ``_fit`` separa os que se tocam."""
    link = {"arrowstyle": "-", "color": paint, "lw": 1, "shrinkA": 2, "shrinkB": 0}
    link["relpos"] = (0, 0.5)  # chega pela esquerda, no meio da altura
    where = {"xycoords": coords, "textcoords": ax.get_yaxis_transform()}
    name = ax.annotate(text, point, (1.035, point[1]), arrowprops=link, **where)
    name.set(va="center", gid="end", annotation_clip=False)


def _below(ax, x, points_down, text, paint):
    where = {"textcoords": "offset points", "ha": "center", "va": "top"}
    ax.annotate(text, (x, 0), (0, points_down), color=paint, **where)


def _side_by_side(ax, boxes):
    """Os centros de textos lado a lado, e a largura do quadro, em px da tela."""
    spec = ax.get_subplotspec()
    share = 1 if spec is None else len(spec.colspan) / spec.get_gridspec().ncols
    room = (ax.figure.get_figwidth() * share - 0.3) * PX_PER_INCH
    widths = np.array([max(b.get_window_extent().width, 50) + 16 for b in boxes])
    gap = (room - widths.sum()) / len(boxes)
    if gap < 6:
        raise ValueError(
            f"{len(boxes)} tokens pedem {widths.sum() + 6 * len(boxes):.0f} px, mas o "
            f"quadro tem {room:.0f}: alargue o canvas (width) ou use weights_map."
        )
    return np.cumsum(widths + gap) - (widths + gap) / 2, room


def _convex_hull(points):
    """Os cantos do fecho convexo, em ordem (cadeia monótona de Andrew)."""
    points = sorted(map(tuple, points))
    hull = []
    for chain in (points, points[::-1]):
        start = len(hull)
        for p in chain:
            while len(hull) >= start + 2 and _turn(hull[-2], hull[-1], p) <= 0:
                hull.pop()
            hull.append(p)
        hull.pop()
    return np.array(hull or points[:1])


def _turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _readable_on(rgba):
    """Preto ou branco: um deles sempre contrasta 4,5 : 1 com o fundo (WCAG 2.2)."""
    channels = np.array(rgba[:3])
    linear = np.where(
        channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
    )
    return "white" if linear @ [0.2126, 0.7152, 0.0722] < 0.179 else "black"


# --- ajuste ao espaço: depois do leiaute, antes de desenhar -----------------------


def _fit(fig):
    """Gira rótulos, quebra títulos, separa nomes e tira os números que não cabem."""
    if not isinstance(fig.get_layout_engine(), ConstrainedLayoutEngine):
        return  # já ajustada, ou não veio de canvas
    maps = [ax for ax in fig.axes if ax.get_gid() == "map"]
    for ax in fig.axes:  # um título longo não pode estreitar o seu próprio quadro
        ax._left_title.set_visible(False)
        ax.xaxis.label.set_visible(False)
    _share_labels([ax for ax in maps if _is_narrow(ax)])
    _lay_out(fig)
    for ax in maps:
        _turn_labels(ax)
    _lay_out(fig)
    for ax in maps:
        _thin_labels(ax)
    for ax in fig.axes:
        ax._left_title.set_visible(True)
        ax.xaxis.label.set_visible(True)
        _wrap(ax._left_title, _room(ax))
        _wrap(ax.xaxis.label, 1.1 * ax.get_window_extent().width)
    _lay_out(fig)
    fig.set_layout_engine("none")  # daqui em diante nada muda de lugar
    for ax in maps:
        _fit_numbers(ax)
    for ax in fig.axes:
        _spread([text for text in ax.texts if text.get_gid() == "end"], ax)
        _place_tips([text for text in ax.texts if text.get_gid() == "tip"], ax)


def _lay_out(fig):
    fig.get_layout_engine().execute(fig)
    for ax in fig.axes:
        ax.apply_aspect()


def _cell(ax):
    """Largura e altura de uma célula do mapa, em px."""
    rows, cols = ax.images[0].get_array().shape
    box = ax.get_window_extent()
    return box.width / cols, box.height / rows


def _share_labels(axes):
    """Em uma grade de mapas, rótulos iguais aparecem uma vez por linha e por coluna."""
    first = {}
    for ax in axes:
        spec = ax.get_subplotspec()
        rows = [label.get_text() for label in ax.get_yticklabels()]
        cols = [label.get_text() for label in ax.get_xticklabels()]
        row, col = ("linha", spec.rowspan.start), ("coluna", spec.colspan.start)
        ax.tick_params(labelleft=first.get(row) != rows)
        ax.tick_params(labeltop=first.get(col) != cols)
        first.setdefault(row, rows)
        first.setdefault(col, cols)


def _turn_labels(ax):
    width, _ = _cell(ax)
    labels = ax.get_xticklabels()
    boxes = [label.get_window_extent() for label in labels]
    if max((box.width for box in boxes), default=0) > width - 4:
        steep = width < 1.5 * boxes[0].height
        for label in labels:
            label.set(rotation=90 if steep else 45, rotation_mode="anchor", ha="left")
            label.set_va("center" if steep else "bottom")


def _thin_labels(ax):
    """Um rótulo a cada poucos tokens, quando não cabem todos."""
    tall = 12.5 * ax.figure.dpi / 72  # px
    labels = [ax.get_xticklabels(), ax.get_yticklabels()]
    for some, room in zip(labels, _cell(ax), strict=True):
        step = math.ceil(tall / room)
        for i, label in enumerate(some):
            if i % step and label.get_weight() != "bold":
                label.set_visible(False)


def _fit_numbers(ax):
    width, height = _cell(ax)
    numbers = [text for text in ax.texts if text.get_gid() == "number"]
    for size in (10, MIN_SIZE):
        boxes = []
        for number in numbers:
            number.set_fontsize(size)
            boxes.append(number.get_window_extent())
        if all(box.width < width - 4 and box.height < height for box in boxes):
            return
    for number in numbers:
        number.remove()


def _room(ax):
    """Quantos px há do começo do quadro até o fim da sua coluna."""
    spec = ax.get_subplotspec()
    share = 1 if spec is None else spec.colspan.stop / spec.get_gridspec().ncols
    return ax.figure.bbox.width * share - ax.get_window_extent().x0 - 12


def _wrap(text, room):
    whole = text.get_text().replace("(não treinado)", "(não\xa0treinado)")
    longest = len(whole)
    while text.get_window_extent().width > room and longest > 8:
        longest -= 1
        parts = whole.split("\n")
        lines = [textwrap.fill(p, longest, break_long_words=False) for p in parts]
        text.set_text("\n".join(lines).replace("\xa0", " "))


def _spread(texts, ax):
    """Afasta na vertical os nomes que se tocam, o mínimo que baste."""
    texts = sorted(texts, key=lambda text: text.xy[1])
    boxes = [Text.get_window_extent(text) for text in texts]  # sem a linha de ligação
    y = [(box.y0 + box.y1) / 2 for box in boxes]
    for _ in range(200):
        for i in range(len(y) - 1):
            need = (boxes[i].height + boxes[i + 1].height) / 2 + 1
            push = max(need - (y[i + 1] - y[i]), 0) / 2
            y[i], y[i + 1] = y[i] - push, y[i + 1] + push
    for text, middle in zip(texts, y, strict=True):
        text.set_y(ax.transData.inverted().transform((0, middle))[1])


def _place_tips(texts, ax):
    """Põe cada nome ao redor da sua ponta, no lado com menos tinta."""
    (x0, y0), (x1, y1) = ax.get_window_extent().get_points()
    middle, reach = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0]) / 2
    origin = ax.transData.transform((0, 0))
    ends = [ax.transData.transform(text.xy) for text in texts]
    ink = [origin + (end - origin) * t for end in ends for t in np.linspace(0, 1, 40)]
    ink = np.array(ink + [end for end in ends for _ in range(20)]).reshape(-1, 2)
    gaps = [17 if text.get_label() == "diamond" else 7 for text in texts]
    corners = [(-14, 0), (14, 0), (0, -14), (0, 14)]  # do losango, em px
    ink = [ink, *(e + np.array(corners) for e, gap in zip(ends, gaps) if gap > 7)]
    ink = np.concatenate(ink)
    taken = []
    for text, end, gap in zip(texts, ends, gaps, strict=True):
        box = text.get_window_extent()
        half = np.array([box.width, box.height]) / 2 + 2
        heading = math.atan2(*(end - origin)[::-1])
        best = None
        for turn in (0, 45, -45, 90, -90, 135, -135, 180):
            angle = heading + math.radians(turn)
            center = end + (half + gap) * (math.cos(angle), math.sin(angle))
            cost = abs(turn) / 90 + (np.abs(ink - center) < half).all(1).sum()
            cost += 50 * (np.abs(center - middle) > reach - half).sum()
            for other, size in taken:
                cost += 100 * (np.abs(other - center) < half + size).all()
            if best is None or cost < best[0]:
                best = cost, center
        taken.append((best[1], half))
        text.set_position((best[1] - end) * 72 / ax.figure.dpi)


# --- conferências: o que era esperado, o que veio, com números ---------------------


def _plain(data):
    """Tensores, listas de tensores, arrays: tudo vira o que o NumPy entende."""
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]
    if hasattr(data, "detach"):
        data = data.detach().cpu()
        return (data.double() if data.is_floating_point() else data).numpy()
    return data


def _array(name, data, n_axes):
    try:
        array = np.asarray(_plain(data), dtype=float)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} deve ter só números, em {n_axes} eixo(s), com linhas do mesmo "
            f"tamanho, mas veio {type(data).__name__}."
        ) from None
    if array.ndim != n_axes:
        hint = ""
        if array.ndim > n_axes == 2:
            hint = f" Escolha a frase e a cabeça: {name}[0, 0], por exemplo."
        raise ValueError(
            f"{name} deve ter {n_axes} eixo(s), mas veio a forma {array.shape}.{hint}"
        )
    if array.size == 0:
        raise ValueError(f"{name} está vazio: veio a forma {array.shape}.")
    return array


def _sized(name, data, n):
    array = _array(name, data, 1)
    if len(array) != n:
        raise ValueError(f"{name} tem {len(array)} valores, mas são precisos {n}.")
    _check_finite(name, array)
    return array


def _tokens(name, labels, n, what):
    if isinstance(labels, str):
        raise TypeError(f"{name} deve ser uma lista, mas veio um texto: use split().")
    if hasattr(labels, "detach") or not hasattr(labels, "__iter__"):
        veio = type(labels).__name__
        raise TypeError(f"{name} deve ser uma lista de textos, mas veio {veio}.")
    labels = [str(label).replace("$", r"\$") for label in labels]  # $ abriria fórmula
    if len(labels) != n:
        raise ValueError(f"{name} tem {len(labels)} textos, mas são {n} {what}.")
    return labels


def _matrix(ax, name, values, rows, cols):
    _check_axes(ax)
    values = _array(name, values, 2)
    cols = rows if cols is None else cols
    rows = _tokens("rows", rows, values.shape[0], f"consultas (linhas) em {name}")
    cols = _tokens("cols", cols, values.shape[1], f"chaves (colunas) em {name}")
    return values, rows, cols


def _blocked(mask, values):
    """Onde não se pode olhar: bool com a forma de values."""
    if mask is None:
        return np.zeros(values.shape, dtype=bool)
    mask = np.asarray(_plain(mask))
    if mask.dtype != bool:
        raise TypeError(f"mask deve ser bool (True = pode olhar), mas é {mask.dtype}.")
    try:
        return ~np.broadcast_to(mask, values.shape)
    except ValueError:
        raise ValueError(
            f"mask tem a forma {mask.shape}, que não cabe na do que se desenha: "
            f"{values.shape}."
        ) from None


def _check_axes(ax):
    if not isinstance(ax, Axes):
        raise TypeError(
            "ax deve ser um Axes, como o que canvas() devolve, mas veio "
            f"{type(ax).__name__}."
        )


def _check_finite(name, array):
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        value = str(array[tuple(bad[0])]).replace("nan", "NaN")
        raise ValueError(f"{name}[{place}] é {value}: só desenho números finitos.")


def _check_weights(name, weights):
    _check_finite(name, weights)
    bad = np.argwhere((weights < -1e-6) | (weights > 1 + 1e-6))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise ValueError(
            f"{name}[{place}] = {comma(weights[tuple(bad[0])], 4)}, mas um peso de "
            "atenção vai de 0 a 1. São escores, antes do softmax? Use scores_map."
        )


def _check_hidden(name, weights, blocked):
    hidden = np.argwhere(blocked & (weights > 1e-6))
    if len(hidden):
        place = ", ".join(map(str, hidden[0]))
        raise ValueError(
            f"mask diz que não se pode olhar, mas {name}[{place}] = "
            f"{comma(weights[tuple(hidden[0])], 4)}: a hachura esconderia um vazamento."
        )


def _check_scale(name, array, log):
    if log and array.min() <= 0:
        raise ValueError(
            f"{name} tem o valor {comma(array.min(), 4)}, mas um eixo logarítmico só "
            "aceita valores maiores que 0."
        )


def _check_index(name, index, n):
    if index is not None and not 0 <= index < n:
        raise ValueError(f"{name} deve ir de 0 a {n - 1}, mas veio {index}.")


def _color(role):
    if role not in COLORS:
        raise ValueError(
            f"a cor deve ser um papel de {list(COLORS)}, mas veio {role!r}."
        )
    return COLORS[role]
