"""O explorador de cabeças: os números que viajam, a figura parada e o script."""

import base64
import json
import re
from unittest import mock

import numpy as np
import pytest
import torch

from attention_lab import explorer, figures, show_heads
from tests.test_sliders import Text

TOKENS = "o gato estava no telhado".split()
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"aspas' & \\n",
    "🐈‍⬛👩‍👩‍👧",
    "שלום",
    "",
    "\n",
    " ",
    "$a$ $\\frac{1}{",
    "pneumoultramicroscopicossilicovulcanoconiótico",
    "\u202eabc",
    "\x00\ud800",
    "DATA KEY",
]


def maps(*shape, seed=0, causal=False) -> torch.Tensor:
    scores = 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    if causal:
        past = torch.ones(shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~past, -torch.inf)
    return scores.softmax(-1)


@pytest.fixture
def shown(monkeypatch):
    """O que iria para o caderno: o explorador, a figura e a descrição dela."""
    seen = []
    monkeypatch.setattr(figures, "display", lambda data, **_: seen.append(data))
    monkeypatch.setattr(figures, "get_ipython", lambda: object())
    return seen


def html_of(shown, tokens, weights) -> str:
    """Só o explorador: a figura parada leva mais tempo, e tem os seus testes."""
    shown.clear()
    nothing = {"_still": lambda *_: (None, ""), "_show": lambda *_: None}
    with mock.patch.multiple(explorer, **nothing):
        show_heads(tokens, weights)
    return shown[0]["text/html"]


def data_of(html: str) -> dict:
    (packed,) = re.findall(r"const data = (\{.*\}), SVG =", html)
    return json.loads(packed)


def unpacked(data: dict) -> np.ndarray:
    """Os milésimos, como o script os lê."""
    T, digits = len(data["tokens"]), iter(map(data["alphabet"].index, data["weights"]))
    found = np.zeros((data["layers"], data["heads"], T, T), dtype=int)
    for cell in np.ndindex(found.shape):
        if data["causal"] and cell[-1] > cell[-2]:
            continue
        first = next(digits)
        if first >= data["single"]:
            high = (first - data["single"]) * len(data["alphabet"])
            first = data["single"] + high + next(digits)
        found[cell] = first
    assert next(digits, None) is None
    return found


# --- o HTML -------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [False, True])
def test_numbers_arrive_within_a_thousandth(shown, causal):
    weights = maps(2, 3, 5, 5, causal=causal).double()
    data = data_of(html_of(shown, TOKENS, weights))
    assert data["causal"] is causal
    assert abs(unpacked(data) / 1000 - weights.numpy()).max() <= 0.001 + 1e-12


@pytest.mark.parametrize("n", [200, 512, 999])  # com os empates: 0,125; 0,375…
def test_two_decimals_are_the_ones_of_the_figures(n):
    weights = np.arange(n + 1) / n
    thousandths = explorer._thousandths(weights)
    assert abs(thousandths / 1000 - weights).max() <= 0.001 + 1e-12
    read = [figures.comma((v + 5) // 10 / 100) for v in thousandths.tolist()]
    assert read == [figures.comma(w) for w in weights]


def test_zero_is_only_the_exact_zero():
    assert explorer._thousandths(np.array([0.0, 1e-9, 1.0])).tolist() == [0, 1, 1000]


def test_an_exact_thousandth_stays():
    assert explorer._thousandths(np.array([0.375])).tolist() == [375]


def test_rounding_errors_are_clipped(shown):
    """A soma tem uma folga, e nenhum peso sai de 0 a 1."""
    weights = torch.eye(5) * 1.004
    weights[0, 1] = -1e-7
    sent = unpacked(data_of(html_of(shown, TOKENS, weights)))
    np.testing.assert_array_equal(sent[0, 0], 1000 * np.eye(5))
    kept = explorer._maps(weights, 5)
    assert (kept.min(), kept.max()) == (0, 1)


@pytest.mark.parametrize(
    "convert",
    [
        lambda w: w.numpy(),
        lambda w: w.tolist(),
        lambda w: list(w),
        lambda w: w.double().requires_grad_(),
        lambda w: w.unsqueeze(0),
    ],
    ids=["numpy", "listas", "lista de tensores", "float64 com grad", "L = 1"],
)
def test_the_same_weights_give_the_same_bytes(shown, convert):
    weights = maps(2, 5, 5)
    first = html_of(shown, TOKENS, weights)
    assert html_of(shown, tuple(TOKENS), convert(weights)) == first
    assert "base64" not in first and not re.search(
        r"https?://(?!www.w3.org/2000)", first
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_accepted(shown, dtype):
    weights = maps(2, 3, 40, 40).to(dtype)
    data = data_of(html_of(shown, [f"t{i}" for i in range(40)], weights))
    assert abs(unpacked(data) / 1000 - weights.double().numpy()).max() <= 0.001 + 1e-12


def test_one_map_is_one_head_and_integers_are_numbers(shown):
    data = data_of(html_of(shown, TOKENS, torch.eye(5, dtype=torch.int64)))
    assert (data["layers"], data["heads"]) == (1, 1)
    np.testing.assert_array_equal(unpacked(data)[0, 0], 1000 * np.eye(5))


def test_layers_may_come_as_a_list(shown):
    weights = maps(2, 3, 5, 5)
    assert html_of(shown, TOKENS, weights) == html_of(shown, TOKENS, [*weights])


def test_another_explorer_has_another_key(shown):
    weights = maps(2, 5, 5)
    pages = [
        html_of(shown, TOKENS, weights),
        html_of(shown, TOKENS, weights[:1]),
        html_of(shown, ["a", *TOKENS[1:]], weights),
    ]
    keys = [re.findall(r'data-heads="(\w+)"', page)[0] for page in pages]
    assert len(set(keys)) == 3
    for key, page in zip(keys, pages):
        assert f"[data-heads='{key}']" in page


def test_one_token_has_no_future_to_hide(shown):
    assert data_of(html_of(shown, ["a"], [[[1.0]]]))["causal"] is False


def test_a_row_of_zeros_is_allowed(shown):
    weights = maps(1, 5, 5)
    weights[0, 2] = 0
    assert not unpacked(data_of(html_of(shown, TOKENS, weights)))[0, 0, 2].any()


def test_tokens_are_text_and_nothing_is_left_without_scripts(shown):
    show_heads(HOSTILE, maps(2, 13, 13))
    html = shown[0]["text/html"]
    left = Text(html)
    assert left.tags == ["div", "script"] and left.text == ""
    names = data_of(html)["tokens"]
    assert names[:2] == HOSTILE[:2] and names[-1] == "DATA KEY"
    assert names[5:8] == ["(vazio)", "↵", "␣"] and names[-2] == "��"
    assert "innerHTML" not in html
    assert not Text(shown[2]["text/html"]).tags.count("img")
    for bundle in shown:
        for text in bundle.values():
            text.encode()  # um substituto solto não chegaria ao caderno


def test_names_are_written_as_they_read():
    assert explorer._visible("a\r\n") == "a↵"
    assert explorer._visible("a\u202eb\u2028") == "a�b�"  # trocaria de lugar o resto
    assert explorer._visible("\u200b") == "U+200B"
    assert explorer._visible("👩\u200d👧") == "👩\u200d👧"
    assert explorer._short("a" * 16) == "a" * 16
    assert explorer._short("a" * 17) == "a" * 15 + "…"
    assert explorer._sizes(np.zeros((1, 1, 2, 2))) == "1 cabeça, 2 tokens"


def test_the_limits_are_included(shown):
    html_of(shown, ["a" * 19_999, "b"], [[1, 0], [0, 1]])
    html_of(shown, ["a"] * 50, maps(100, 50, 50))


@pytest.mark.parametrize("sharpness", [0.5, 1, 2])
def test_144_heads_of_32_tokens_weigh_less_than_300_kB(shown, sharpness):
    scores = torch.randn(12, 12, 32, 32, generator=torch.Generator().manual_seed(0))
    show_heads([f"palavra{i}" for i in range(32)], (2 * sharpness * scores).softmax(-1))
    sizes = [len(json.dumps(bundle)) for bundle in shown]
    assert sum(sizes) < 300_000, sizes


# --- a figura parada ----------------------------------------------------------------


def test_the_still_picture_has_its_description(shown):
    weights = torch.eye(5).roll(1, -1).repeat(2, 1, 1)  # cada um olha para o seguinte
    weights[1, 4] = torch.tensor([0.0, 0.25, 0.0, 0.75, 0.0])
    show_heads(TOKENS, weights)
    _, picture, description = shown
    assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
    alt = picture["text/plain"]
    assert "2 cabeças, 5 tokens" in alt and "“telhado”" in alt
    assert "cabeça 0, “o” (1,00); cabeça 1, “no” (0,75)" in alt
    assert alt in description["text/html"]


def test_the_description_of_a_last_row_of_zeros():
    weights = np.array([[[[1.0, 0.0], [0.0, 0.0]]]])
    assert explorer._alt(["a", "b"], weights, [(0, 0)]).endswith("cabeça 0, nenhum.")


@pytest.mark.parametrize(
    ("shape", "titles", "note"),
    [
        ((1, 1, 5), ["cabeça 0"], ""),
        ((1, 8, 5), [f"cabeça {h}" for h in range(8)], ""),
        ((2, 2, 5), [f"camada {n}, cabeça {h}" for n in (0, 1) for h in (0, 1)], ""),
        (
            (3, 8, 5),
            [f"cabeça {h}" for h in range(8)],
            "Aqui, 8 de 24 cabeças, camada 0",
        ),
        ((1, 16, 5), [f"cabeça {h}" for h in range(16)], ""),
        ((1, 20, 5), [f"cabeça {h}" for h in range(16)], "Aqui, 16 de 20 cabeças;"),
        ((1, 3, 150), ["cabeça 0"], "Aqui, 1 de 3 cabeças;"),
    ],
)
def test_the_still_picture_shows_the_heads_that_fit(shape, titles, note):
    n_layers, n_heads, T = shape
    weights = maps(n_layers, n_heads, T, T).numpy()
    fig, alt = explorer._still([str(i) for i in range(T)], weights, False)
    drawn = [ax for ax in fig.axes if ax.images]
    assert [ax.get_title("left") for ax in drawn] == titles
    for image, expected in zip(drawn, weights.reshape(-1, T, T)):
        np.testing.assert_array_equal(image.images[0].get_array(), expected)
    assert (note in alt) and bool(note) == bool(fig.get_suptitle())
    assert bool(note) == ("Aqui" in alt)
    figures.plt.close(fig)


@pytest.mark.parametrize(("n_tokens", "named"), [(16, True), (17, False)])
def test_the_still_picture_names_up_to_16_tokens(n_tokens, named):
    names = [str(i) for i in range(n_tokens)]
    fig, _ = explorer._still(names, maps(1, 1, n_tokens, n_tokens).numpy(), False)
    assert bool(fig.axes[0].get_xticklabels()) == named
    figures.plt.close(fig)


@pytest.mark.parametrize("n_heads", [1, 4])  # o mapa com números e a miniatura
def test_a_dollar_in_the_still_picture_is_a_dollar(n_heads):
    fig, _ = explorer._still(["$$", "R$"], maps(1, n_heads, 2, 2).numpy(), False)
    names = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert names == [r"\$\$", r"R\$"]
    figures.to_png(fig)
    figures.plt.close(fig)


@pytest.mark.parametrize("n_heads", [1, 4])
def test_the_still_picture_hatches_the_future(n_heads):
    weights = maps(1, n_heads, 5, 5, causal=True).numpy()
    fig, _ = explorer._still(TOKENS, weights, True)
    for ax in fig.axes[:n_heads]:
        np.testing.assert_array_equal(
            np.ma.getmaskarray(ax.images[0].get_array()), np.tri(5) == 0
        )
        hatches = [p.get_hatch() for p in [*ax.patches, *ax.collections]]
        assert "///" in hatches
    figures.plt.close(fig)


# --- o que não fecha ----------------------------------------------------------------

GOOD = maps(2, 5, 5)


def broken(value, *, index=(1, 2, 3)):
    weights = GOOD.clone()
    weights[index] = value
    return weights


@pytest.mark.parametrize(
    ("tokens", "weights", "message"),
    [
        (TOKENS[:4], GOOD, r"tokens tem 4 textos, mas weights é de 5 tokens"),
        ([], GOOD, r"tokens tem 0 textos"),
        (TOKENS, GOOD[:, -1], r"a forma \(2, 5\): é preciso uma linha para cada"),
        (TOKENS, np.ones((1, 5, 4)) / 4, r"a forma \(1, 5, 4\): é preciso uma linha"),
        (TOKENS, GOOD[0, 0], r"\(H, T, T\) ou \(L, H, T, T\), mas veio a forma \(5,\)"),
        (TOKENS, 0.5, r"mas veio a forma \(\)"),
        (TOKENS, maps(1, 1, 2, 5, 5), r"tire o eixo 0, o do batch"),
        (TOKENS, maps(1, 3, 2, 5, 5), r"tire o eixo 0, o do batch, com weights\[0\]"),
        (TOKENS, maps(3, 1, 2, 5, 5), r"o eixo 1, o do batch, com \[layer\[0\] for"),
        (TOKENS, (maps(1, 2, 5, 5),) * 3, r"o eixo 1, o do batch, com \[layer\[0\]"),
        (TOKENS, GOOD[:0], r"mas veio a forma \(0, 5, 5\)"),
        (TOKENS, [], r"mas veio a forma \(0,\)"),
        (TOKENS, broken(torch.nan), r"weights\[1, 2, 3\] é NaN"),
        (TOKENS, broken(torch.inf), r"weights\[1, 2, 3\] é inf"),
        (TOKENS, broken(-0.25), r"weights\[1, 2, 3\] = −0,2500, mas um peso.*escores"),
        (TOKENS, broken(3.0), r"weights\[1, 2\] soma .*escores, antes da softmax"),
        (TOKENS, 0.9 * GOOD, r"weights\[0, 0\] soma 0,90, mas.*model\.eval"),
        (TOKENS, GOOD.mT, r"As colunas é que somam 1: weights\.transpose\(-2, -1\)"),
        (TOKENS, maps(3, 2, 5, 5) / 2, r"weights\[0, 0, 0\] soma 0,50"),
        (TOKENS, GOOD[0] / 2, r"weights\[0\] soma 0,50"),
        (["a"] * 201, np.ones((1, 201, 201)) / 201, r"são 201 tokens, mas .* até 200"),
        (
            ["a"] * 50,
            maps(9, 12, 50, 50),
            r"108 cabeças de 50 tokens, 270000 .*até 100 c",
        ),
        (["a" * 20_000, "b"], [[[1, 0], [0, 1]]], r"20001 caracteres, .* até 20000"),
    ],
)
def test_refuses_what_does_not_fit(shown, tokens, weights, message):
    with pytest.raises(ValueError, match=message):
        show_heads(tokens, weights)
    assert shown == [] and not figures.plt.get_fignums()


@pytest.mark.parametrize(
    ("tokens", "weights", "message"),
    [
        (TOKENS, None, "weights é None: esta função de atenção"),
        (TOKENS, [None, None], "weights é None"),
        (TOKENS, [GOOD, None], "weights é None"),
        ("o gato", GOOD, r"use split\(\)"),
        (b"gatos", GOOD, r"use split\(\)"),
        (torch.arange(5), GOOD, "mas veio um tensor: decodifique"),
        (list(torch.arange(5)), GOOD, "mas veio um tensor: decodifique"),
        (TOKENS, GOOD * 1j, "só números reais, .* mas veio Tensor"),
        (TOKENS, GOOD.to_sparse(), "só números reais, .* mas veio Tensor"),
        (TOKENS, GOOD.to("meta"), "só números reais, .* mas veio Tensor"),
        (TOKENS, [[[10**400] * 5] * 5], "só números reais, .* mas veio list"),
        (5, GOOD, "tokens deve ser uma lista de textos, mas veio int"),
        (TOKENS, [GOOD, GOOD[:1]], "mapas do mesmo tamanho nas cabeças todas"),
    ],
)
def test_refuses_what_is_not_of_the_kind(shown, tokens, weights, message):
    with pytest.raises(TypeError, match=message):
        show_heads(tokens, weights)
    assert shown == []


class Huge:
    """Um tensor de 3 GB, que não se pode nem começar a copiar."""

    shape = (96, 96, 200, 200)

    def __array__(self, *args, **kwargs):
        raise AssertionError("copiou")


def test_a_huge_map_is_refused_before_it_is_copied(shown):
    with pytest.raises(ValueError, match="9216 cabeças de 200 tokens"):
        show_heads(["a"] * 200, Huge())


class Liar:
    """Diz uma forma, e os números têm outra."""

    shape = (2, 5, 5)

    def __array__(self, *args, **kwargs):
        return np.ones((2, 4, 4)) / 4


def test_the_shape_of_the_numbers_themselves_is_checked(shown):
    with pytest.raises(ValueError, match="weights é de 4 tokens"):
        show_heads(TOKENS, Liar())


# --- o script, num navegador de verdade ---------------------------------------------


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 900, "height": 800})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("dialog", lambda dialog: (problems.append("diálogo"), dialog.dismiss()))
    page.on("request", lambda request: problems.append(request.url))
    yield page
    page.close()
    assert not problems


@pytest.fixture
def opened(shown, page):
    """Abre exploradores numa página."""

    def open_page(*explorers):
        html = "".join(html_of(shown, *arguments) for arguments in explorers)
        page.set_content(f"<body style='background:#111;color:#EEE'>{html}</body>")
        return page

    return open_page


# Duas cabeças que se reconhecem: a 0 olha para o anterior, e a 1, para o primeiro.
PREVIOUS = torch.eye(5).roll(-1, -1)
PREVIOUS[0] = torch.tensor([1.0, 0, 0, 0, 0])
FIRST = torch.zeros(5, 5)
FIRST[:, 0], FIRST[:, 1] = 0.93, 0.07
TWO = torch.stack([PREVIOUS, FIRST])
WIDE = maps(1, 32, 32)


def said(page) -> str:
    return page.locator(".said").first.inner_text()


def move_to_cell(page, row, col, T=5):
    box = page.locator(".cells").bounding_box()
    step = box["width"] / T
    page.mouse.move(box["x"] + (col + 0.5) * step, box["y"] + (row + 0.5) * step)


def test_pointing_at_a_token_shows_where_it_looks(opened):
    page = opened((TOKENS, TWO))
    assert said(page) == "telhado olha para: no 1,00"  # começa no último
    page.get_by_role("radio", name="gato").hover()
    assert said(page) == "gato olha para: o 1,00"
    assert page.get_by_role("radio", checked=True).inner_text() == "gato"
    assert page.locator(".rows .now").all_inner_texts() == ["gato"]
    assert page.locator("small").all_inner_texts() == ["1,00", "0", "0", "0", "0"]


def test_the_arc_goes_from_the_query_to_the_key(opened):
    page = opened((TOKENS, TWO))
    page.get_by_role("radio", name="estava").hover()
    curve, tip = page.locator(".track svg path").all()
    sky = page.locator(".track svg").bounding_box()["x"]
    x = re.findall(r"[-\d.]+", curve.get_attribute("d"))[::6]
    for name, place in zip(["estava", "gato"], [x[0], x[1]]):
        chip = page.get_by_role("radio", name=name).bounding_box()
        assert abs(sky + float(place) - chip["x"] - chip["width"] / 2) < 1.5
    assert curve.get_attribute("stroke-width") == "6"
    assert tip.get_attribute("fill") == figures.COLORS["weights"]


def test_pointing_at_a_cell_shows_its_number(opened):
    page = opened((TOKENS, FIRST))
    move_to_cell(page, 2, 0)
    assert said(page) == "estava → o: 0,93"
    assert page.get_by_role("radio", checked=True).inner_text() == "estava"
    move_to_cell(page, 3, 1)
    assert said(page) == "no → gato: 0,07"
    page.mouse.move(1, 1)
    assert said(page) == "no olha para: o 0,93 · gato 0,07"


def test_the_keyboard_reaches_everything(opened):
    page = opened((TOKENS, torch.stack([TWO, TWO.flip(0)])))
    press = page.keyboard.press
    press("Tab")  # a camada
    press("Tab")  # a cabeça
    press("ArrowDown")
    assert said(page) == "telhado olha para: o 0,93 · gato 0,07"
    press("Tab")  # a frase
    press("ArrowLeft")
    assert said(page) == "no olha para: o 0,93 · gato 0,07"
    press("Home")
    press("ArrowRight")
    assert said(page).startswith("gato olha para")
    press("Tab")  # o mapa
    assert said(page) == "gato → o: 0,93"
    press("ArrowRight")
    press("ArrowDown")
    assert said(page) == "estava → gato: 0,07"
    press("End")
    assert said(page) == "estava → telhado: 0"
    press("Shift+Tab")
    assert said(page).startswith("estava olha para")
    press("Shift+Tab")
    press("Shift+Tab")  # a camada: na 1, as cabeças estão trocadas
    press("ArrowDown")
    assert said(page) == "estava olha para: gato 1,00"
    assert page.locator("code").inner_text() == "weights[1, 1]"


def test_every_stop_of_the_keyboard_is_visible(opened):
    page = opened((TOKENS, torch.stack([TWO, TWO])))
    for _ in range(4):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "() => { const s = getComputedStyle(document.querySelector('[data-heads]')"
            ".shadowRoot.activeElement); return s.outlineStyle + s.outlineWidth }"
        )
        assert outline == "solid3px"


def test_the_miniatures_choose_the_head(opened):
    page = opened((TOKENS, TWO))
    box = page.locator(".heads").bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    assert page.get_by_text("cabeça 1", exact=True).is_visible()
    page.mouse.down()
    page.mouse.up()
    assert page.get_by_label("Cabeça", exact=True).input_value() == "1"
    assert said(page) == "telhado olha para: o 0,93 · gato 0,07"
    page.get_by_label("Cabeça", exact=True).select_option("0")
    assert said(page) == "telhado olha para: no 1,00"


def test_one_head_offers_no_choice(opened):
    page = opened((TOKENS, TWO[:1]))
    assert page.locator("select:visible, .heads:visible").count() == 0


def test_the_future_is_hatched_and_said(opened):
    page = opened((TOKENS, maps(1, 5, 5, causal=True)))
    assert page.get_by_text("não pode olhar").is_visible()
    page.get_by_role("radio", name="estava").hover()
    assert page.locator(".token.blocked").all_inner_texts() == ["no", "telhado"]
    move_to_cell(page, 1, 3)
    assert said(page) == "gato → no: não pode olhar"


def test_small_weights_are_not_called_zero(opened):
    rows = torch.tensor([[0.9952, 0.004, 0.0008], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    page = opened((["a", "b", "c"], rows))
    page.get_by_role("radio", name="a").hover()
    assert said(page) == "a olha para: a 1,00"
    for col, text in enumerate(["1,00", "0,004", "até 0,001"]):
        move_to_cell(page, 0, col, T=3)
        assert said(page) == f"a → {'abc'[col]}: {text}"
    page.get_by_role("radio", name="b").hover()
    assert said(page) == "b não olha para nenhum: a linha é toda 0"


def test_colours_are_those_of_the_figures(opened):
    page = opened((["a", "b"], [[0.5, 0.5], [0.25, 0.75]]))
    pixels = """() => { const c = document.querySelector("[data-heads]").shadowRoot
        .querySelector(".cells canvas");
        return [c.width, [...c.getContext("2d").getImageData(0, 0, c.width, c.width)
        .data]] }"""
    side, colours = page.evaluate(pixels)
    colours = np.reshape(colours, (side, side, 4))
    half = side // 2
    corners = colours[4, 4], colours[4, half + 4], colours[half + 4, half + 4]
    for rgba, weight in zip(corners, [0.5, 0.5, 0.75]):
        expected = np.array(figures.WEIGHTS_MAP(weight)) * 255
        assert abs(rgba - expected).max() < 3


def test_two_explorers_and_one_twice(opened):
    one, other = (TOKENS, TWO), (["sim", "não"], [[[0.5, 0.5], [0.0, 1.0]]])
    page = opened(one, other, one)
    assert page.locator(".said").count() == 3
    page.get_by_role("radio", name="gato").last.hover()
    texts = page.locator(".said").all_inner_texts()
    assert texts[0] == "telhado olha para: no 1,00"
    assert texts[1:] == ["não olha para: não 1,00", "gato olha para: o 1,00"]


def test_the_page_is_left_as_it_was(shown, page):
    """Nem globais, nem estilos: e os da página não entram."""
    html = html_of(shown, TOKENS, TWO)
    names = "() => Object.getOwnPropertyNames(window).sort()"
    page.set_content("<button>de fora</button>")
    before = page.evaluate(names)
    hostile = "<style>div, button, select { display: none !important }</style>"
    page.set_content(f"<button>de fora</button><p>oi</p>{html}")
    assert page.evaluate(names) == before
    outside = page.locator("body > button")
    assert outside.evaluate("e => getComputedStyle(e).writingMode") == "horizontal-tb"
    page.set_content(hostile.replace("div, ", "") + html)
    assert page.get_by_role("radio", name="gato").is_visible()


@pytest.mark.parametrize("width", [1280, 700])
@pytest.mark.parametrize("shape", [(12, 12, 32), (1, 2, 5), (2, 8, 16)], ids=str)
def test_nothing_overflows(opened, width, shape):
    n_layers, n_heads, T = shape
    page = opened(([f"palavra{i}" for i in range(T)], maps(n_layers, n_heads, T, T)))
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(100)
    wide = page.evaluate(
        "() => [document.documentElement, ...document.querySelector('[data-heads]')"
        ".shadowRoot.querySelectorAll('.line, .box, .all')]"
        ".filter(e => e.scrollWidth > e.clientWidth).map(e => e.className)"
    )
    assert wide == []
    assert page.locator(".cells").bounding_box()["width"] >= 12 * T  # cabem os nomes


def test_200_tokens_scroll_inside_their_box(opened):
    page = opened(([f"t{i}" for i in range(200)], maps(6, 200, 200)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    line = page.locator(".line").bounding_box()
    last = page.get_by_role("radio", name="t199").bounding_box()
    assert line["x"] < last["x"] < line["x"] + line["width"]  # à vista, sem rolar
    move_to_cell(page, 7, 3, T=200)
    assert said(page).startswith("t7 → t3: ")
    query = page.get_by_role("radio", name="t7", exact=True).bounding_box()
    assert line["x"] <= query["x"] < line["x"] + line["width"]


def test_hostile_tokens_run_nothing_and_can_be_read(opened):
    page = opened((HOSTILE, maps(2, 13, 13)))
    assert page.locator("img").count() == 0
    chips = page.get_by_role("radio")
    assert chips.count() == 13
    assert chips.nth(1).get_attribute("title") == HOSTILE[1]
    long = chips.nth(9)
    assert long.get_attribute("title") == HOSTILE[9]  # inteiro, ao passar o mouse
    assert long.bounding_box()["height"] < 100
    chips.nth(10).hover()
    assert said(page).startswith("�abc olha para: ")
    assert page.locator(".said b").evaluate("e => getComputedStyle(e).unicodeBidi") == (
        "isolate"
    )


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("letters", [48, 200, 3000])
def test_a_long_token_stays_in_the_panel(opened, width, letters):
    tokens = ["a" * letters, "ção" * letters, "b"]
    page = opened((tokens, [[[1, 0, 0], [0.5, 0.5, 0], [0.4, 0.5, 0.1]]]))
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(100)
    for i in range(3):
        page.get_by_role("radio").nth(i).hover()
        said_box = page.locator(".said")
        assert said_box.evaluate("e => e.scrollWidth <= e.clientWidth")
        assert len(said(page)) < 150  # cortado, e os números seguem à vista
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".said bdi").first.get_attribute("title") == tokens[1]


def test_what_is_said_does_not_move_the_map(opened):
    """Nem a frase rola sozinha debaixo do ponteiro."""
    tokens = (
        "constitucionalidade das telecomunicações infelizmente demoradíssima".split()
    )
    tokens += ["de", "hoje", "é"]
    words = ["pequena" + "ssíssima" * (i % 3) + str(i) for i in range(32)]
    page = opened((tokens, np.full((1, 8, 8), 1 / 8)), (words, WIDE))
    page.set_viewport_size({"width": 375, "height": 2400})
    page.wait_for_timeout(100)
    cells = page.locator(".cells").first
    place = cells.bounding_box()
    for row in range(8):
        cells.hover(position={"x": 9, "y": (row + 0.5) * place["height"] / 8})
        assert cells.bounding_box() == place
        assert said(page).startswith(f"{tokens[row]} → ")
    line = page.locator(".line").nth(1)
    before = line.evaluate("e => e.scrollLeft")
    chips = page.locator("[data-heads]").nth(1).get_by_role("radio")
    for i in range(31, 15, -1):
        chips.nth(i).dispatch_event("pointerenter")
        page.wait_for_timeout(20)
    assert line.evaluate("e => e.scrollLeft") == before


def test_a_narrow_page_gives_the_map_all_its_width(opened):
    page = opened(([f"palavra{i}" for i in range(32)], WIDE))
    page.set_viewport_size({"width": 375, "height": 900})
    page.wait_for_timeout(100)
    assert page.locator(".cells").bounding_box()["width"] > 280


def test_a_page_from_right_to_left_and_high_contrast(opened):
    page = opened((TOKENS, FIRST))
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.emulate_media(forced_colors="active")
    places = [label.bounding_box()["x"] for label in page.locator(".cols div").all()]
    assert places == sorted(places)  # as colunas seguem as do mapa
    paint = "e => getComputedStyle(e).backgroundColor"
    query = page.get_by_role("radio", checked=True).evaluate(paint)
    assert query == "rgb(0, 114, 178)"  # COLORS["q"]


def test_a_repeated_token_says_which_one(opened):
    page = opened(("o gato que o cão viu".split(), maps(1, 6, 6)))
    page.get_by_role("radio", name="o (2º)", exact=True).hover()
    assert said(page).startswith("o (2º) olha para: ")
    move_to_cell(page, 3, 0, T=6)
    assert said(page).startswith("o (2º) → o (1º): ")
    move_to_cell(page, 1, 2, T=6)
    assert said(page).startswith("gato → que: ")
    weights = np.eye(3)[[0, 1, 0]][None, None]
    alt = explorer._alt(["o", "gato", "o"], weights, [(0, 0)])
    assert alt.endswith("o último, “o”: cabeça 0, 1º “o” (1,00).")


def test_the_shortcuts_of_the_browser_and_of_jupyterlab_still_work(opened):
    page = opened((TOKENS, TWO))
    kept = page.locator("[data-heads][data-lm-suppress-shortcuts]")
    page.get_by_role("radio", name="gato").click()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Control+Home")
    assert said(page).startswith("gato ")
    page.keyboard.down("Control")
    assert kept.count() == 0  # o JupyterLab ouve o Ctrl+S
    page.keyboard.up("Control")
    assert kept.count() == 1
    page.keyboard.down("Control")
    page.get_by_role("radio", name="no").focus()
    page.evaluate("document.activeElement.blur()")
    assert kept.count() == 1
    page.keyboard.up("Control")


def test_the_background_is_white_and_the_arrows_are_kept_in_jupyterlab(opened):
    page = opened((TOKENS, TWO))
    paint = "e => getComputedStyle(e).backgroundColor"
    assert page.locator(".all").evaluate(paint) == "rgb(255, 255, 255)"
    assert page.locator("[data-heads][data-lm-suppress-shortcuts]").count() == 1
