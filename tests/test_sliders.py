"""O painel de partes: o HTML que se compara, a figura parada e o que o script faz."""

import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from attention_lab import figures, sliders

TOKENS = ["gato", "estava", "telhado"]
VALUES = [[1.8, 0.2], [0.3, 0.8], [0.2, 1.9]]
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def shown(monkeypatch):
    """O que iria para o caderno: os painéis, e as figuras com os seus alts."""
    seen = {"panels": [], "figures": []}

    def keep_figure(fig, alt):
        seen["figures"].append((fig, alt))
        plt.close(fig)

    monkeypatch.setattr(sliders, "display", lambda p, raw: seen["panels"].append(p))
    monkeypatch.setattr(figures, "show", keep_figure)
    return seen


def html_of(shown, *args, **kwargs) -> str:
    sliders.mix_sliders(*args, **kwargs)
    return shown["panels"][-1]["text/html"]


def data_of(html: str) -> dict:
    (packed,) = re.findall(r"const data = (\{.*\}), W =", html)
    return json.loads(packed)


# --- o HTML -------------------------------------------------------------------------


def test_panel_carries_the_data(shown):
    data = data_of(html_of(shown, TOKENS, torch.tensor(VALUES), target=[0.5, 1.3]))
    assert data["tokens"] == TOKENS and data["target"] == [0.5, 1.3]
    np.testing.assert_allclose(data["values"], VALUES, rtol=1e-6)
    assert len(data["hull"]) == 3
    assert data_of(html_of(shown, TOKENS, VALUES))["target"] is None


def test_html_is_the_same_every_time(shown):
    """O nbval compara text/html: nada de sorteio, de hora ou de PNG ali dentro."""
    first = html_of(shown, TOKENS, VALUES)
    with plt.rc_context({"savefig.dpi": 50, "font.size": 30}):
        again = html_of(shown, TOKENS, np.array(VALUES))
    assert first == again and "base64" not in first


def test_another_panel_has_another_key(shown):
    pages = [
        html_of(shown, TOKENS, VALUES),
        html_of(shown, TOKENS, VALUES, target=[1.0, 1.0]),
        html_of(shown, ["cão", "estava", "telhado"], VALUES),
    ]
    keys = [re.findall(r'data-mix="(\w+)"', page)[0] for page in pages]
    assert len(set(keys)) == 3
    for key, page in zip(keys, pages):
        assert f"[data-mix='{key}']:empty" in page


class Text(HTMLParser):
    """O texto que sobra quando um leitor tira as marcas e os scripts."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags, self.script = "", [], False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.script = tag == "script"

    def handle_endtag(self, tag):
        self.script = False

    def handle_data(self, data):
        self.text += "" if self.script else data


def test_tokens_are_text_and_nothing_is_left_without_scripts(shown):
    html = html_of(shown, [HOSTILE, "DATA", "KEY"], VALUES)
    left = Text(html)
    assert left.tags == ["div", "script"] and left.text == ""
    assert data_of(html)["tokens"] == [HOSTILE, "DATA", "KEY"]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    assert "innerHTML" not in html


# --- a figura parada ----------------------------------------------------------------


def diamond(ax):
    (line,) = [line for line in ax.lines if line.get_marker() == "D"]
    return np.concatenate(line.get_data())


def test_still_picture_shows_three_mixes(shown):
    sliders.mix_sliders(TOKENS, VALUES, target=[0.5, 1.3])
    ((fig, alt),) = shown["figures"]
    points = [diamond(ax) for ax in fig.axes]
    values = np.array(VALUES)
    triple = (3 * values[0] + values[1] + values[2]) / 5
    np.testing.assert_allclose(points, [values.mean(0), triple, values[0]])
    for ax, point in zip(fig.axes, points):
        pair = "; ".join(map(figures.comma, point))
        assert pair in ax.get_title("left") and pair in alt
        assert "alvo" in [text.get_text() for text in ax.texts]


# --- o que não fecha ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((TOKENS, VALUES[:2]), r"values deve ter a forma \(3, 2\), mas veio \(2, 2\)"),
        ((TOKENS, [1.0, 2.0, 3.0]), r"\(3, 2\), mas veio \(3,\)"),
        (([], []), r"values deve ter a forma \(0, 2\)"),
        ((TOKENS, VALUES, [1.0]), r"target deve ter a forma \(2,\), mas veio \(1,\)"),
        ((TOKENS[:1], [[1.0, np.nan]]), "finitos"),
        ((TOKENS[:1], "x"), "values deve ter só números"),
        ((TOKENS, [[1.0], [1.0, 2.0], [0.0]]), "values deve ter só números"),
        ((TOKENS, VALUES, [np.inf, 0.0]), "target deve ter só números finitos"),
    ],
)
def test_refuses_what_does_not_fit(shown, args, message):
    with pytest.raises(ValueError, match=message):
        sliders.mix_sliders(*args)
    assert shown == {"panels": [], "figures": []}


def test_tensors_of_a_model_and_a_text(shown):
    values = torch.tensor(VALUES, dtype=torch.bfloat16).requires_grad_()
    sliders.mix_sliders(TOKENS, values)
    assert len(shown["panels"]) == 1
    with pytest.raises(TypeError, match="split"):
        sliders.mix_sliders("o gato", VALUES[:2])


# --- o script, num navegador de verdade ---------------------------------------------


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 900, "height": 500})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert not errors


def test_keyboard_moves_the_context(shown, page):
    page.set_content(html_of(shown, TOKENS, VALUES, target=[1.8, 0.2]))
    assert page.get_by_text("contexto = (0,77; 0,97)").is_visible()
    for token, key, times in [("estava", "ArrowLeft", 5), ("telhado", "ArrowDown", 5)]:
        page.get_by_label(token).focus()
        for _ in range(times):
            page.keyboard.press(key)
    assert page.get_by_text("contexto = (1,80; 0,20)").is_visible()
    assert page.get_by_text("você chegou").is_visible()
    assert page.get_by_text("5 partes: 1,00").is_visible()
    page.get_by_label("gato").press("Home")
    assert page.get_by_text("não há o que repartir").is_visible()
    assert page.locator("polyline").is_hidden()
    page.get_by_role("button", name="Partes iguais").click()
    assert page.get_by_text("contexto = (0,77; 0,97)").is_visible()


def test_jupyterlab_leaves_the_arrow_keys_to_the_sliders(shown, page):
    """O atributo vale no próprio elemento: no painel em volta, as setas se perdem."""
    page.set_content(html_of(shown, TOKENS, VALUES))
    kept = page.locator("input[type=range][data-lm-suppress-shortcuts]")
    assert kept.count() == len(TOKENS)


def test_the_diamond_is_where_the_numbers_say(shown, page):
    """Com todo o peso numa palavra, o losango está na ponta da seta dela."""
    page.set_content(html_of(shown, TOKENS, VALUES))
    for token in TOKENS[1:]:
        page.get_by_label(token).press("Home")
    place = page.locator("svg > path[fill='#CC79A7']").get_attribute("transform")
    tips = page.locator("svg > path[fill='none']")
    assert tips.first.get_attribute("transform").startswith(place)
    gato, telhado = (tips.nth(i).bounding_box() for i in (0, 2))
    assert telhado["y"] < gato["y"] and telhado["x"] < gato["x"]  # o y cresce para cima


def test_the_same_panel_twice_on_a_page(shown, page):
    html = html_of(shown, TOKENS, VALUES)
    page.set_content(html + html)
    assert page.locator("input[type=range]").count() == 6


def test_hostile_tokens_run_nothing(shown, page):
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))
    page.set_content(html_of(shown, [HOSTILE, "b"], VALUES[:2]))
    assert page.get_by_label(HOSTILE).count() == 1
    assert page.locator("img").count() == 0 and not dialogs
