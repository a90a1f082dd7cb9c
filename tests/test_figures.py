"""As figuras conferidas pelos dados: o que está desenhado é o que foi dado."""

import ast
import base64
import functools
import io
import math
import re
import struct
from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.text import Text

from attention_lab import figures
from attention_lab.attention import attention, causal_mask, padding_mask

TOKENS = ["O", "gato", "que", "estava", "no", "telhado", "miou"]
NAN, INF = float("nan"), float("inf")


def head(T_q=7, T_k=7, mask=None, seed=3):
    """Escores e pesos de uma cabeça não treinada."""
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(T_q, 8, generator=generator)
    k = torch.randn(T_k, 8, generator=generator)
    return q @ k.T / 8**0.5, attention(q, k, k, mask)[1]


def draw_maps():
    fig, axes = figures.canvas(1, 2)
    mask = causal_mask(7)
    scores, weights = head(mask=mask)
    figures.scores_map(axes[0], scores, TOKENS, title="Escores: qualquer sinal")
    title = "Com a máscara causal, cada token só olha para si e para o passado"
    figures.weights_map(
        axes[1], weights, TOKENS, mask=mask, highlight=6, title=title, untrained=True
    )
    return fig


def draw_heads():
    fig, axes = figures.canvas(2, 3, height=6)
    for h, ax in enumerate(axes.flat):
        words = TOKENS if h != 4 else TOKENS[::-1]
        options = {"colorbar": h == 5, "title": f"cabeça {h}", "untrained": True}
        figures.weights_map(ax, head(seed=h)[1], words, **options)
    return fig


def draw_long_map():
    words = [*TOKENS, "assustadíssimos", "inconstitucionalmente"] * 3
    mask = causal_mask(27)
    fig, ax = figures.canvas()
    figures.weights_map(ax, head(27, 27, mask)[1], words, mask=mask, highlight=(26, 1))
    return fig


def draw_wide_map():
    fig, ax = figures.canvas(width=6, height=2.6)
    title = "Com o cache KV, uma consulta só olha para todas as chaves"
    figures.weights_map(ax, head(1, 7)[1], ["miou"], TOKENS, title=title)
    return fig


def draw_vectors():
    fig, axes = figures.canvas(1, 2)
    points = np.array([[1.0, 0.4], [0.9, 0.55], [-0.5, 0.9], [0.2, -0.8]])
    names = ["gato", "gatos", "telhado", "miou"]
    title = "O contexto cai dentro do fecho convexo dos valores"
    inside = np.array([0.4, 0.2, 0.3, 0.1]) @ points
    figures.vectors(
        axes[0], points, names, color="v", hull=True, inside=inside, title=title
    )
    figures.vectors(axes[1], points[:3] / 2, [f"q {n}" for n in names[:3]], color="q")
    figures.vectors(axes[1], -points[:3], [f"k {n}" for n in names[:3]], color="k")
    return fig


def draw_curves():
    fig, axes = figures.canvas(1, 2)
    steps = np.arange(1, 201)
    series = {
        "com máscara": 1.36 + 4 * np.exp(-steps / 20),
        "sem máscara": 1.3 + 4 * np.exp(-steps / 18),
    }
    figures.curves(
        axes[0],
        steps,
        series,
        bands={"com máscara": (series["com máscara"] - 0.1, series["com máscara"] + 1)},
        levels={"entropia exata": 1.2669},
        colors={"sem máscara": "error"},
        xlabel="passo",
        ylabel="perda (nats por token)",
        title="Sem a máscara, a perda cai abaixo do que é possível",
        decimals=3,
    )
    names = ["atenção", "tanh", "GRU", "LSTM", "bigrama", "janela de 4"]
    figures.curves(
        axes[1],
        [3, 10, 20, 40],
        {name: [0.5, 0.2, 0.1, 0.05 + i / 1e4] for i, name in enumerate(names)},
        log_x=True,
        log_y=True,
        xlabel="distância (tokens)",
        ylabel="gradiente relativo",
    )
    return fig


def draw_bars():
    fig, axes = figures.canvas(1, 2, height=3.4)
    figures.bars(
        axes[0],
        ["1 cabeça", "2 cabeças", "4 cabeças"],
        [0.255, 1.0, -0.5],
        [0.007, 0.0, 0.1],
        xlabel="acurácia conjunta",
        title="Uma cabeça não aprendeu as duas relações em nenhuma execução",
        highlight=0,
        levels={"acaso": 1 / 48},
        decimals=3,
    )
    figures.bars(
        axes[1],
        ["sem ablação", "sem a cabeça 0"],
        {"verbo": [1.0, 0.09], "clítico": [1.0, 0.97]},
        xlabel="acurácia",
        title="Cada cabeça leva uma relação",
    )
    return fig


def draw_arcs():
    fig, ax = figures.canvas(width=8, height=3.4)
    mask = causal_mask(7)
    weights = head(mask=mask)[1]
    title = "“estava” reparte 1,00 entre 4 tokens"
    figures.arcs(ax, TOKENS, weights[3], 3, mask=mask[3], title=title, untrained=True)
    return fig


GALLERY = [
    draw_maps,
    draw_heads,
    draw_long_map,
    draw_wide_map,
    draw_vectors,
    draw_curves,
    draw_bars,
    draw_arcs,
]


@functools.cache
def rendered(draw):
    """A figura e os bytes do seu PNG, desenhados uma vez para todos os testes."""
    fig = draw()
    return fig, figures.to_png(fig)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return figures.canvas()[1]


# --- todas as figuras ---------------------------------------------------------------


@pytest.mark.parametrize("draw", GALLERY)
def test_every_figure_is_legible_and_whole(draw):
    fig, png = rendered(draw)
    image = plt.imread(io.BytesIO(png))
    np.testing.assert_array_equal(image[..., 3], 1)  # fundo opaco
    for edge in (image[:2], image[-2:], image[:, :2], image[:, -2:]):
        np.testing.assert_array_equal(edge, 1)  # nada cortado na borda
    for text in fig.findobj(Text):
        words = text.get_text()
        assert text.get_fontsize() >= figures.MIN_SIZE, words
        assert not re.search(r"\d\.\d", words), words
        assert to_hex(text.get_color()).upper() != figures.COLORS["k"], words


@pytest.mark.parametrize("draw", [draw_wide_map, draw_vectors, draw_bars, draw_arcs])
def test_figures_are_reproducible_and_leave_the_global_style_alone(draw):
    before = dict(matplotlib.rcParams)
    png = figures.to_png(draw())
    assert dict(matplotlib.rcParams) == before
    assert png == rendered(draw)[1]
    assert b"tEXt" not in png  # nem versão nem data


@pytest.mark.parametrize("draw", [draw_maps, draw_vectors, draw_curves])
def test_a_second_rendering_changes_nothing(draw):
    fig, png = rendered(draw)
    assert figures.to_png(fig) == png


def test_the_style_of_the_caller_does_not_reach_the_figure():
    png = rendered(draw_bars)[1]
    loud = {"axes.linewidth": 5, "axes.labelpad": 30, "font.size": 30}
    with plt.style.context(["dark_background", loud]):
        assert figures.to_png(draw_bars()) == png


def test_the_room_imports_no_other_room():
    tree = ast.parse(Path(figures.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {node.module for node in imports} | {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not [name for name in names if "attention_lab" in name or name == "torch"]


@pytest.mark.parametrize("number", [0.5, -3.25, 1234567.891, -0.001])
def test_comma_reads_back(number):
    text = figures.comma(number, 3)
    back = text.replace(".", "").replace(",", ".").replace("−", "-")
    assert float(back) == pytest.approx(number, abs=5e-4)


def test_comma_takes_a_tensor_and_has_no_negative_zero():
    assert figures.comma(torch.tensor([0.25])) == "0,25"
    assert figures.comma(-0.001) == "0,00"


# --- mapas --------------------------------------------------------------------------


def numbers(ax):
    return {t.get_position(): t.get_text() for t in ax.texts if t.get_gid() == "number"}


@pytest.mark.parametrize(
    "convert",
    [
        lambda w: w,
        lambda w: w.clone().requires_grad_(),
        lambda w: w.numpy(),
        lambda w: w.tolist(),
        lambda w: list(w),
    ],
    ids=["tensor", "grad", "array", "lista", "lista de tensores"],
)
def test_weights_map_shows_the_weights(ax, convert):
    _, weights = head(2, 5)
    rows, cols = TOKENS[:2], TOKENS[2:]
    assert figures.weights_map(ax, convert(weights), rows, cols) is ax
    image = ax.images[0]
    np.testing.assert_array_equal(image.get_array(), weights.double())
    assert image.get_clim() == (0, 1)
    assert ax.get_ylim() == (1.5, -0.5)  # a linha 0 em cima
    assert [label.get_text() for label in ax.get_yticklabels()] == rows
    assert [label.get_text() for label in ax.get_xticklabels()] == cols
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("chave (coluna)", "consulta (linha)")
    assert numbers(ax)[4, 1] == figures.comma(weights[1, 4])
    assert len(numbers(ax)) == 10


def test_weights_map_takes_bfloat16(ax):
    weights = torch.tensor([[0.25, 0.75]], dtype=torch.bfloat16)
    figures.weights_map(ax, weights, ["o"], ["o", "gato"])
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0.25, 0.75]])


def test_masked_cells_are_hatched_and_have_no_number(ax):
    mask = causal_mask(4)
    figures.weights_map(ax, head(4, 4, mask)[1], TOKENS[:4], mask=mask)
    np.testing.assert_array_equal(ax.images[0].get_array().mask, ~mask)
    (hatched,) = [c for c in ax.collections if isinstance(c, PatchCollection)]
    assert hatched.get_hatch() == "///"
    covered = []
    for path in hatched.get_paths():  # uma faixa por trecho de linha
        (left, top), (right, bottom) = path.vertices.min(0), path.vertices.max(0)
        assert bottom - top == 1
        covered += [(j, top + 0.5) for j in np.arange(left, right) + 0.5]
    blocked = {(j, i) for i, j in np.argwhere(~mask.numpy())}
    assert len(covered) == len(blocked) and set(covered) == blocked
    assert not blocked & set(numbers(ax))


def test_a_mask_with_holes_is_hatched_in_stripes(ax):
    mask = torch.tensor([[True, False, True, False], [False, False, True, True]])
    weights = mask / mask.sum(-1, keepdim=True)
    figures.weights_map(ax, weights, TOKENS[:2], TOKENS[:4], mask=mask)
    (hatched,) = [c for c in ax.collections if isinstance(c, PatchCollection)]
    ends = [(p.vertices.min(0), p.vertices.max(0)) for p in hatched.get_paths()]
    assert [(*a, *b) for a, b in ends] == [
        (0.5, -0.5, 1.5, 0.5),
        (2.5, -0.5, 3.5, 0.5),
        (-0.5, 0.5, 1.5, 1.5),
    ]


def test_padding_mask_fits_every_row(ax):
    mask = padding_mask([3], 5)[0, 0]  # (1, T_k)
    figures.weights_map(ax, head(2, 5, mask)[1], TOKENS[:2], TOKENS[:5], mask=mask)
    np.testing.assert_array_equal(ax.images[0].get_array().mask.sum(1), [2, 2])


@pytest.mark.parametrize(
    ("highlight", "corner", "width"), [(2, (-0.5, 1.5), 5), ((2, 4), (3.5, 1.5), 1)]
)
def test_highlight_outlines_the_row_or_the_cell(ax, highlight, corner, width):
    figures.weights_map(ax, head(3, 5)[1], TOKENS[:3], TOKENS[:5], highlight=highlight)
    (box,) = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert (box.get_xy(), box.get_width(), box.get_height()) == (corner, width, 1)
    assert [t.get_weight() for t in ax.get_yticklabels()] == ["normal"] * 2 + ["bold"]


def test_untrained_says_so_in_the_title(ax):
    figures.weights_map(ax, head()[1], TOKENS, title="Pesos", untrained=True)
    assert ax.get_title("left") == "Pesos (não treinado)"


def test_a_wrapped_title_keeps_every_word():
    before = [ax.get_title("left") for ax in draw_maps().axes]
    after = [ax.get_title("left") for ax in rendered(draw_maps)[0].axes]
    assert "\n" in after[1]
    assert [title.replace("\n", " ") for title in after] == before
    assert "não treinado" in after[1]


def test_numbers_leave_when_they_do_not_fit_and_labels_turn():
    (ax,) = rendered(draw_long_map)[0].axes
    narrow = rendered(draw_heads)[0].axes
    assert not any(numbers(ax) for ax in [ax, *narrow])
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {90}
    for ax in rendered(draw_maps)[0].axes:
        width, height = figures._cell(ax)
        texts = [t for t in ax.texts if t.get_gid() == "number"]
        assert texts
        for text in texts:
            box = text.get_window_extent()
            assert box.width < width and box.height < height


def test_a_grid_of_maps_shows_equal_labels_once():
    axes = rendered(draw_heads)[0].axes

    # a cabeça 4 tem outros tokens: mostra os seus
    rows = [len(ax.get_yticklabels()) for ax in axes]
    cols = [len(ax.get_xticklabels()) for ax in axes]
    assert rows == [7, 0, 0, 7, 7, 0]
    assert cols == [7, 7, 7, 0, 7, 0]


@pytest.mark.parametrize("n", [27, 60])
def test_labels_of_long_sentences_never_touch(n):
    fig, ax = figures.canvas()
    words = [f"palavra{i}" for i in range(n)]
    figures.weights_map(ax, head(n, n)[1], words)
    figures.to_png(fig)
    shown = [label for label in ax.get_yticklabels() if label.get_visible()]
    boxes = [label.get_window_extent() for label in shown]
    assert len(boxes) >= n / 5
    assert all(a.y0 >= b.y1 - 2 for a, b in pairwise(boxes))


def test_scores_map_is_centred_on_zero_and_hatches_minus_infinity(ax):
    scores = head(3, 4)[0].masked_fill(~causal_mask(3, 4), -INF)
    figures.scores_map(ax, scores, TOKENS[:3], TOKENS[:4])
    image = ax.images[0]
    low, high = image.get_clim()
    assert -low == high == scores[causal_mask(3, 4)].abs().max()
    np.testing.assert_array_equal(image.get_array().mask, ~causal_mask(3, 4))
    assert to_hex(image.cmap(image.norm(0.0))) == "#ffffff"
    assert len(numbers(ax)) == 9


def test_scores_map_of_zeros_and_given_limit(ax):
    figures.scores_map(ax, torch.zeros(2, 3), TOKENS[:2], TOKENS[:3], limit=4.0)
    assert ax.images[0].get_clim() == (-4, 4)
    figures.scores_map(ax, torch.zeros(2, 3), TOKENS[:2], TOKENS[:3])
    assert ax.images[-1].get_clim() == (-1, 1)


def luminance(rgba):
    channels = np.asarray(rgba)[..., :3]
    low = channels / 12.92
    linear = np.where(channels <= 0.04045, low, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_weights_darken_steadily_even_in_greyscale():
    light = luminance(figures.WEIGHTS_MAP(np.linspace(0, 1, 101)))
    assert (np.diff(light) < 0).all()
    scores = luminance(figures.SCORES_MAP(np.linspace(0, 1, 101)))
    assert (np.diff(scores[:51]) > 0).all() and (np.diff(scores[50:]) < 0).all()


@pytest.mark.parametrize("cmap", [figures.WEIGHTS_MAP, figures.SCORES_MAP])
def test_numbers_contrast_with_their_cell(cmap):
    for rgba in cmap(np.linspace(0, 1, 101)):
        ink = matplotlib.colors.to_rgba(figures._readable_on(rgba))
        dark, light = sorted([luminance(rgba), luminance(ink)])
        assert (light + 0.05) / (dark + 0.05) > 4.5


# --- setas, curvas, barras e arcos --------------------------------------------------


def test_vectors_draws_every_arrow_the_hull_and_the_point(ax):
    points = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0], [0.1, 0.1]]
    inside = torch.tensor([0.05, 0.15])
    names = ["a", "b", "c", "dentro"]
    figures.vectors(ax, points, names, color="v", hull=True, inside=inside)
    tips = [t.xy for t in ax.texts if not t.get_text()]
    np.testing.assert_array_equal(tips, points)
    (area,) = [patch for patch in ax.patches if isinstance(patch, Polygon)]
    corners = {tuple(corner) for corner in area.get_xy()}
    assert corners == {(1, 0), (0, 1), (-1, -1)}  # "dentro" não é canto
    (diamond,) = [line for line in ax.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(diamond.get_xydata(), [[0.05, 0.15]], atol=1e-7)
    assert ax.get_aspect() == 1
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < -1 and right > 1 and bottom < -1 and top > 1


def test_vectors_called_twice_keeps_both_in_view(ax):
    figures.vectors(ax, [[1.0, 0.0]], ["q"], color="q")
    figures.vectors(ax, [[-5.0, 3.0]], ["k"], color="k")
    assert ax.get_xlim()[0] < -5 and ax.get_xlim()[1] > 1
    shafts = [line for line in ax.lines if line.get_color() == figures.COLORS["k"]]
    assert [line.get_linestyle() for line in shafts] == ["--"]


def test_tip_labels_do_not_overlap():
    for ax in rendered(draw_vectors)[0].axes:
        boxes = [t.get_window_extent() for t in ax.texts if t.get_gid() == "tip"]
        assert len(boxes) >= 5
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.parametrize("inside", [(0.95, 0.72), (1.8, 0.2), (0.3, 1.5)])
def test_the_name_of_the_mixture_does_not_cover_the_diamond(ax, inside):
    points = np.array([[1.8, 0.2], [0.3, 0.8], [0.2, 1.9], [1.5, 0.0]])
    names = ["gato", "estava", "telhado", "miou"]
    figures.vectors(ax, points, names, inside=inside, inside_label="contexto")
    figures.to_png(ax.figure)  # é quando os nomes acham o seu lugar
    (label,) = [text for text in ax.texts if text.get_text() == "contexto"]
    half = 10 * math.sqrt(0.5) * ax.figure.dpi / 72  # markersize=10, de canto a canto
    x, y = ax.transData.transform(inside)
    box = label.get_window_extent()
    for dx, dy in [(half, 0), (-half, 0), (0, half), (0, -half), (0, 0)]:
        assert not box.contains(x + dx, y + dy)


def test_hull_of_few_or_aligned_points(ax):
    figures.vectors(ax, [[1.0, 2.0]], ["um"], hull=True)
    figures.vectors(ax, [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], list("abc"), hull=True)
    corners = {tuple(corner) for corner in ax.patches[-1].get_xy()}
    assert corners == {(0, 0), (2, 2)}


def test_curves_draws_series_bands_and_levels(ax):
    x, y = [1, 2, 4], torch.tensor([0.9, 0.5, 0.3])
    figures.curves(
        ax,
        x,
        {"LSTM": y, "GRU": y - 0.1},
        bands={"LSTM": (y - 0.05, y + 0.1)},
        levels={"acaso": 0.25},
        colors={"GRU": "error"},
        xlabel="distância (tokens)",
        ylabel="acurácia",
    )
    lstm, gru, level = ax.lines
    np.testing.assert_array_equal(lstm.get_xydata(), np.stack([x, y], 1))
    assert gru.get_color() == figures.COLORS["error"]
    assert set(level.get_ydata()) == {0.25} and level.get_linestyle() == "--"
    (band,) = ax.collections
    edges = band.get_paths()[0].vertices[:, 1]
    assert edges.min() == pytest.approx(0.25) and edges.max() == pytest.approx(1.0)
    assert [t.get_text() for t in ax.texts] == ["LSTM", "GRU", "acaso: 0,25"]
    assert "mínimo e máximo" in ax.get_xlabel()


def test_series_differ_without_colour_and_their_names_do_not_touch():
    fig, _ = rendered(draw_curves)
    lines = fig.axes[1].lines
    assert len({line.get_marker() for line in lines}) == 6
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 6
    for ax in fig.axes:
        names = [t for t in ax.texts if t.get_gid() == "end"]
        boxes = [Text.get_window_extent(name) for name in names]
        boxes.sort(key=lambda box: box.y0)
        for low, high in pairwise(boxes):
            assert low.y1 <= high.y0 + 0.5
    assert fig.axes[1].get_xscale() == fig.axes[1].get_yscale() == "log"
    assert [t.get_text() for t in fig.axes[1].get_xticklabels()] == [
        "3",
        "10",
        "20",
        "40",
    ]


def test_bars_shows_values_errors_and_order(ax):
    figures.bars(ax, ["a", "b"], [0.2, -0.4], [0.05, 0.1], xlabel="nats", highlight=1)
    assert [bar.get_width() for bar in ax.patches] == [0.2, -0.4]
    assert ax.get_ylim() == (1.5, -0.5)  # a primeira em cima
    assert [t.get_text() for t in ax.texts] == ["0,20 ± 0,05", "−0,40 ± 0,10"]
    assert [t.get_weight() for t in ax.texts] == ["normal", "bold"]
    (spread,) = ax.collections[-1:]
    ends = [segment[:, 0].tolist() for segment in spread.get_segments()]
    np.testing.assert_allclose(ends, [[0.15, 0.25], [-0.5, -0.3]])


def test_bars_in_groups_have_hatches_and_a_legend(ax):
    groups = {"antes": [0.1, 0.2, 0.3], "depois": [0.9, 0.8, 0.7]}
    levels = {"acaso": 1 / 12}
    figures.bars(ax, list("abc"), groups, xlabel="acurácia", levels=levels)
    assert [bar.get_width() for bar in ax.patches] == [*groups["antes"], 0.9, 0.8, 0.7]
    assert [bar.get_hatch() or "" for bar in ax.patches] == [""] * 3 + ["////"] * 3
    names = {t.get_text() for t in ax.get_legend().get_texts()}
    assert names == {"antes", "depois", "acaso: 0,08"}


def test_arcs_are_as_thick_as_the_weight_and_the_cross_sits_on_the_arc(ax):
    weights, mask = [0.1, 0.7, 0.2, 0.0], [True, True, True, False]
    tokens = ["o", "gato", "miou", "alto"]
    figures.arcs(ax, tokens, weights, 2, mask=mask)
    arcs = [p for p in ax.patches if isinstance(p, PathPatch)]
    middles = {}
    for arc in arcs:
        (start, knee, _, end) = arc.get_path().vertices
        top = start[1] / 4 + 3 * knee[1] / 4  # a cúbica em t = 1/2
        middles[(start[0] + end[0]) / 2, round(top, 9)] = arc
    solid = [arc for arc in arcs if arc.get_linestyle() in ("-", "solid")]
    widths = sorted(arc.get_linewidth() for arc in solid)
    assert widths == pytest.approx([1 + 5 * 0.1, 1 + 5 * 0.2, 1 + 5 * 0.7])
    (cross,) = [t for t in ax.texts if t.get_text() == "×"]
    x, y = cross.get_position()
    assert middles[x, round(y, 9)] not in solid
    below = [t.get_text() for t in ax.texts[-5:]]
    assert below == ["0,10", "0,70", "0,20", "bloqueado", "consulta"]


def test_arcs_boxes_do_not_touch():
    fig, _ = rendered(draw_arcs)
    words = [t for t in fig.axes[0].texts if t.get_text() in TOKENS]
    boxes = [t.get_bbox_patch().get_window_extent() for t in words]
    assert len(boxes) == 7
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


# --- show ---------------------------------------------------------------------------

ALT = "Mapa de pesos 7 × 7: “miou” dá 0,41 a “estava” & <0,06> a si"


@pytest.fixture
def displayed(monkeypatch):
    outputs = []
    monkeypatch.setattr(figures, "get_ipython", lambda: object())
    monkeypatch.setattr(
        figures, "display", lambda data, **kwargs: outputs.append((data, kwargs))
    )
    return outputs


def test_show_gives_a_png_with_alt_and_size_and_a_description(displayed):
    fig = draw_arcs()
    figures.show(fig, f"  {ALT}\n ")
    (bundle, options), (description, raw) = displayed
    png = base64.b64decode(bundle["image/png"])
    assert png.startswith(b"\x89PNG")
    assert bundle["text/plain"] == ALT
    assert set(bundle) == {"image/png", "text/plain"}  # o GitHub mostra o PNG
    metadata = options["metadata"]["image/png"]
    assert metadata == {"alt": ALT, "width": 768, "height": 326}
    assert struct.unpack(">II", png[16:24]) == (1152, 489)  # 1,5 ponto por px
    assert options["raw"] and raw == {"raw": True}
    assert "&amp; &lt;0,06&gt; a si</details>" in description["text/html"]
    assert description["text/plain"].endswith(ALT)
    assert not plt.fignum_exists(fig.number)


def test_show_outside_ipython_opens_the_window(monkeypatch):
    calls = []
    monkeypatch.setattr(figures, "get_ipython", lambda: None)
    monkeypatch.setattr(plt, "show", lambda: calls.append(plt.get_fignums()))
    fig = draw_arcs()
    figures.show(fig, ALT)
    assert calls == [[fig.number]] and not plt.get_fignums()


@pytest.mark.parametrize(
    ("alt", "error", "message"),
    [
        ("mapa de pesos", ValueError, "'mapa de pesos', com 13"),
        ("   ", ValueError, "com 0"),
        (None, TypeError, "NoneType"),
    ],
)
def test_show_demands_a_real_alt(displayed, alt, error, message):
    with pytest.raises(error, match=re.escape(message)):
        figures.show(figures.canvas()[0], alt)
    assert not displayed


# --- erros --------------------------------------------------------------------------

W = [[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]
LINE = {"xlabel": "x", "ylabel": "y"}
ERRORS = {
    "linhas": (
        lambda ax: figures.weights_map(ax, W, TOKENS[:3]),
        (ValueError, "rows tem 3 textos, mas são 2 consultas (linhas) em weights"),
    ),
    "colunas": (
        lambda ax: figures.scores_map(ax, W, TOKENS[:2], TOKENS[:4]),
        (ValueError, "cols tem 4 textos, mas são 3 chaves (colunas) em scores"),
    ),
    "texto": (
        lambda ax: figures.weights_map(ax, W, "o gato", TOKENS[:3]),
        (TypeError, "use split()"),
    ),
    "eixos demais": (
        lambda ax: figures.weights_map(ax, torch.zeros(1, 2, 7, 7), TOKENS),
        (ValueError, "veio a forma (1, 2, 7, 7). Escolha a frase e a cabeça"),
    ),
    "irregular": (
        lambda ax: figures.weights_map(ax, [[1.0], [0.5, 0.5]], TOKENS[:2]),
        (TypeError, "linhas do mesmo tamanho"),
    ),
    "vazio": (
        lambda ax: figures.weights_map(ax, torch.zeros(0, 3), [], TOKENS[:3]),
        (ValueError, "veio a forma (0, 3)"),
    ),
    "NaN": (
        lambda ax: figures.weights_map(ax, [[0.5, NAN]], ["o"], ["o", "gato"]),
        (ValueError, "weights[0, 1] é NaN"),
    ),
    "peso negativo": (
        lambda ax: figures.weights_map(ax, [[-0.5, 1.0]], ["o"], ["o", "gato"]),
        (ValueError, "weights[0, 0] = −0,5000, mas um peso de atenção vai de 0 a 1"),
    ),
    "peso grande": (
        lambda ax: figures.weights_map(ax, [[1.0], [1.5]], ["o", "gato"], ["o"]),
        (ValueError, "weights[1, 0] = 1,5000"),
    ),
    "vazamento": (
        lambda ax: figures.weights_map(
            ax, torch.full((3, 3), 1 / 3), TOKENS[:3], mask=causal_mask(3)
        ),
        (ValueError, "weights[0, 1] = 0,3333: a hachura esconderia um vazamento"),
    ),
    "máscara inteira": (
        lambda ax: figures.scores_map(
            ax, W, TOKENS[:2], TOKENS[:3], mask=[[1, 0, 0]] * 2
        ),
        (TypeError, "mask deve ser bool (True = pode olhar), mas é int64"),
    ),
    "máscara de outra forma": (
        lambda ax: figures.scores_map(
            ax, W, TOKENS[:2], TOKENS[:3], mask=causal_mask(3)
        ),
        (ValueError, "mask tem a forma (3, 3), que não cabe na do que se desenha"),
    ),
    "mais infinito": (
        lambda ax: figures.scores_map(ax, [[INF, -INF]], ["o"], ["o", "gato"]),
        (ValueError, "scores[0, 0] é inf"),
    ),
    "destaque": (
        lambda ax: figures.weights_map(ax, W, TOKENS[:2], TOKENS[:3], highlight=2),
        (ValueError, "a linha de highlight deve ir de 0 a 1, mas veio 2"),
    ),
    "ax": (
        lambda ax: figures.weights_map(np.array([ax]), W, TOKENS[:2], TOKENS[:3]),
        (TypeError, "ax deve ser um Axes"),
    ),
    "três dimensões": (
        lambda ax: figures.vectors(ax, torch.zeros(2, 3), ["a", "b"]),
        (ValueError, "points deve ter a forma (T, 2), mas veio (2, 3)"),
    ),
    "cor": (
        lambda ax: figures.vectors(ax, torch.zeros(1, 2), ["a"], color="azul"),
        (ValueError, "mas veio 'azul'"),
    ),
    "ponto": (
        lambda ax: figures.vectors(ax, torch.zeros(1, 2), ["a"], inside=[1, 2, 3]),
        (ValueError, "inside tem 3 valores, mas são precisos 2"),
    ),
    "série curta": (
        lambda ax: figures.curves(ax, [1, 2, 3], {"GRU": [1, 2]}, **LINE),
        (ValueError, "series['GRU'] tem 2 valores, mas são precisos 3"),
    ),
    "série com NaN": (
        lambda ax: figures.curves(ax, [1, 2], {"GRU": [1, NAN]}, **LINE),
        (ValueError, "series['GRU'][1] é NaN"),
    ),
    "sem nome": (
        lambda ax: figures.curves(ax, [1, 2], [[1, 2]], **LINE),
        (TypeError, "series deve ser um dicionário nome -> valores, mas veio list"),
    ),
    "séries demais": (
        lambda ax: figures.curves(ax, [1], {str(i): [1] for i in range(7)}, **LINE),
        (ValueError, "de 1 a 6 séries, mas veio 7"),
    ),
    "faixa sem série": (
        lambda ax: figures.curves(
            ax, [1], {"GRU": [1]}, bands={"LSTM": ([1], [1])}, **LINE
        ),
        (ValueError, "'LSTM', que não está em series: ['GRU']"),
    ),
    "log de zero": (
        lambda ax: figures.curves(ax, [1, 2], {"GRU": [1, 0]}, log_y=True, **LINE),
        (ValueError, "series['GRU'] tem o valor 0,0000, mas um eixo logarítmico"),
    ),
    "barras": (
        lambda ax: figures.bars(ax, ["a", "b"], [1, 2, 3], xlabel="x"),
        (ValueError, "values tem 3 valores, mas são precisos 2"),
    ),
    "erros": (
        lambda ax: figures.bars(ax, ["a", "b"], [1, 2], [0.1], xlabel="x"),
        (ValueError, "errors de values tem 1 valores, mas são precisos 2"),
    ),
    "erros sem nome": (
        lambda ax: figures.bars(ax, ["a"], {"x": [1]}, [[0.1]], xlabel="x"),
        (ValueError, "errors deve ter os nomes dos grupos, ['x'], mas veio list"),
    ),
    "erros de outro grupo": (
        lambda ax: figures.bars(ax, ["a"], {"x": [1]}, {"z": [0.1]}, xlabel="x"),
        (ValueError, "errors deve ter os nomes dos grupos, ['x'], mas veio ['z']"),
    ),
    "tokens em tensor": (
        lambda ax: figures.arcs(ax, torch.arange(2), [0.5, 0.5], 1),
        (TypeError, "tokens deve ser uma lista de textos, mas veio Tensor"),
    ),
    "grupos": (
        lambda ax: figures.bars(ax, ["a"], {i: [1] for i in "wxyz"}, xlabel="x"),
        (ValueError, "de 1 a 3 grupos, mas veio 4"),
    ),
    "arcos": (
        lambda ax: figures.arcs(ax, TOKENS, [0.5, 0.5], 1),
        (ValueError, "tokens tem 7 textos, mas são 2 pesos em weights_row"),
    ),
    "consulta": (
        lambda ax: figures.arcs(ax, ["o", "gato"], [0.5, 0.5], 2),
        (ValueError, "row deve ir de 0 a 1, mas veio 2"),
    ),
    "arcos demais": (
        lambda ax: figures.arcs(ax, TOKENS * 3, [1 / 21] * 21, 3),
        (ValueError, "21 tokens pedem"),
    ),
    "largura": (
        lambda ax: figures.canvas(width=12),
        (ValueError, "width deve ir de 2 a 8,750 polegadas (840 px), mas veio 12,000"),
    ),
}


def test_a_dollar_is_a_dollar(displayed):
    fig, ax = figures.canvas()
    figures.weights_map(ax, torch.eye(2), ["$$", "R$ 5"])
    figures.show(fig, ALT)
    assert len(displayed) and ax.get_yticklabels()[0].get_text() == r"\$\$"


@pytest.mark.parametrize(("call", "expected"), ERRORS.values(), ids=ERRORS)
def test_errors_say_what_was_expected_and_what_came(ax, call, expected):
    error, message = expected
    with pytest.raises(error, match=re.escape(message)):
        call(ax)
