"""Os infográficos: em dia, legíveis, com cores do curso e números que se repetem."""

import importlib.metadata
import io
import itertools
import json
import math
import re
import sys
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from attention_lab.figures import COLORS, SCORES_MAP, WEIGHTS_MAP
from tools.posters import __main__ as command
from tools.posters import base, readme

POSTERS = command.posters()
DATA = command.load()
NUMBERS = list(POSTERS)
EXPECTED = ["01", "02", "03", "04", "05", "06", "06b", "07", "08"]
SVG = "{http://www.w3.org/2000/svg}"
PALETTE = {
    "#ffffff",
    "#000000",
    *(color.lower() for color in COLORS.values()),
    *(base.tint(role, amount) for role in COLORS for amount in base.TINTS),
    *(to_hex(cmap(i)) for cmap in (WEIGHTS_MAP, SCORES_MAP) for i in range(cmap.N)),
}
each = pytest.mark.parametrize("number", NUMBERS)


@cache
def drawn(number):
    return POSTERS[number].draw(DATA[number])


def visible_texts(fig):
    return [t for t in fig.findobj(Text) if t.get_text().strip() and t.get_visible()]


def place(text):
    """A caixa das letras, em px: a do renderizador, sem a sobra de cima e de baixo."""
    left, low, right, high = Text.get_window_extent(text).extents
    return Bbox.from_extents(left, low + 3, right, high - 3)


def words(fig) -> list[str]:
    """Toda palavra com letra, tokens incluídos; números não contam."""
    return re.findall(r"[^\W\d_]+", " ".join(t.get_text() for t in visible_texts(fig)))


def outside(fig) -> list[str]:
    """Textos e formas que saem do quadro."""
    found = []
    for artist in [*visible_texts(fig), *fig.axes[0].patches]:
        extent = artist.get_window_extent()
        low, high = extent.min, extent.max
        if low.min() < 0 or high[0] > base.WIDTH or high[1] > base.HEIGHT:
            found.append(f"{artist}: {low.round()} a {high.round()}")
    return found


def overlapping(fig) -> list[tuple[str, str]]:
    """Os pares de textos cujas caixas se tocam."""
    boxes = [(t.get_text(), place(t)) for t in visible_texts(fig)]
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes, 2)
        if a.overlaps(b)
    ]


def strange_colors(fig) -> set[str]:
    """As cores que não são de COLORS, clareadas ou dos mapas."""
    used = {to_hex(t.get_color()) for t in visible_texts(fig)}
    for patch in [fig.patch, *fig.axes[0].patches]:
        if patch.get_fill() and patch.get_facecolor()[3] > 0:
            used.add(to_hex(patch.get_facecolor()))
        if patch.get_linewidth() > 0 and patch.get_edgecolor()[3] > 0:
            used.add(to_hex(patch.get_edgecolor()))
    return used - PALETTE


def faint(fig) -> dict[str, float]:
    """Os textos com contraste menor que 4,5 : 1 com o que está atrás deles."""
    texts = visible_texts(fig)
    places = [place(t).extents.round().astype(int) for t in texts]
    for text in texts:
        text.set_alpha(0)  # fica a caixa de fundo do texto, se há
    out = io.BytesIO()
    fig.savefig(out, format="rgba", dpi=base.PX_PER_INCH)
    for text in texts:
        text.set_alpha(None)
    pixels = np.frombuffer(out.getvalue(), np.uint8)
    pixels = pixels.reshape(base.HEIGHT, base.WIDTH, 4)[::-1, :, :3] / 255
    found = {}
    for text, (left, low, right, high) in zip(texts, places):
        behind = pixels[low:high, left:right].reshape(-1, 3)
        colors, counts = np.unique(behind.round(2), axis=0, return_counts=True)
        common = colors[counts > 0.1 * len(behind)]  # as bordas finas não contam
        worst = min(base.contrast(text.get_color(), color) for color in common)
        if worst < 4.5:
            found[text.get_text()] = round(worst, 2)
    return found


def differences(old, new, near=0.02, path="") -> list[str]:
    """Onde duas medidas diferem: os números, por mais de near."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        pairs = [(old[key], new[key], f"{path}.{key}") for key in old]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(old, new))]
    else:
        numeric = all(isinstance(v, int | float) for v in (old, new))
        same = math.isclose(old, new, abs_tol=near) if numeric else old == new
        return [] if same else [f"{path}: {old} → {new}"]
    return [line for a, b, at in pairs for line in differences(a, b, near, at)]


# --- o que há, e em dia ---------------------------------------------------------------


def test_every_section_has_a_poster():
    sections = {module.SECTION for module in POSTERS.values()}
    assert NUMBERS == EXPECTED
    assert sections == {path.stem for path in readme.NOTEBOOKS.glob("*.ipynb")}
    assert all(POSTERS[n].FILE.startswith(f"{n}_") for n in NUMBERS)


def test_no_svg_without_a_module():
    files = {path.name for path in command.FOLDER.glob("*.svg")}
    assert files == {module.FILE for module in POSTERS.values()}


def pinned_matplotlib() -> str:
    """A versão do constraints.txt para este Python."""
    lines = (command.ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    old = sys.version_info < (3, 11)
    (line,) = [
        line
        for line in lines
        if line.startswith("matplotlib==") and ("<" in line) == old
    ]
    return line.split(";")[0].strip().removeprefix("matplotlib==")


@each
def test_svg_is_up_to_date(number):
    here = importlib.metadata.version("matplotlib")
    if here != pinned_matplotlib():
        pytest.skip(f"Matplotlib {here}; os SVGs são do {pinned_matplotlib()}")
    module = POSTERS[number]
    new = base.to_svg(drawn(number), module.texts(DATA[number]))
    stored = (command.FOLDER / module.FILE).read_text(encoding="utf-8")
    assert stored == new, f"{module.FILE} mudou: rode python tools/posters {number}"


def test_readme_is_up_to_date():
    stored = (command.FOLDER / "README.md").read_text(encoding="utf-8")
    assert stored == readme.write(POSTERS, DATA), "rode python tools/posters"


def test_readme_links_resolve():
    text = (command.FOLDER / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 2 * len(NUMBERS)
    assert not [link for link in links if not (command.FOLDER / link).exists()]


def test_check_notices_a_stale_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["03"]) == 0
    assert command.main(["03", "--check"]) == 0  # desenhado de novo: os mesmos bytes
    svg = tmp_path / POSTERS["03"].FILE
    svg.write_text(svg.read_text(encoding="utf-8") + " ", encoding="utf-8")
    capsys.readouterr()
    assert command.main(["03", "--check"]) == 1
    assert capsys.readouterr().out == f"desatualizado: {svg.name}\n"


def test_command_refuses_a_number_it_does_not_have(capsys):
    with pytest.raises(SystemExit):
        command.main(["42"])
    assert "não há infográfico '42'" in capsys.readouterr().err


# --- o que o quadro mostra ------------------------------------------------------------


@each
def test_svg_says_what_it_shows(number):
    module, texts = POSTERS[number], POSTERS[number].texts(DATA[number])
    root = ElementTree.parse(command.FOLDER / module.FILE).getroot()
    assert root.findtext(f"{SVG}title") == texts.alt
    assert root.findtext(f"{SVG}desc") == texts.long
    assert root.get("role") == "img" and root.get("width") == "900pt"  # 1200 px
    assert 60 <= len(texts.alt) <= 330 < len(texts.long)
    assert re.search(r"\d", texts.alt) and "Evite" in texts.prompt


@each
def test_svg_needs_nothing_from_outside(number):
    svg = (command.FOLDER / POSTERS[number].FILE).read_text(encoding="utf-8")
    assert "<image" not in svg and "<text" not in svg and "clip-path" not in svg
    assert not re.search(r"\d{4}-\d\d-\d\d|/home|/root|/tmp|/work", svg)
    assert set(re.findall(r'href="([^"]{2})', svg)) == {"#D"}  # só letras do arquivo


@each
def test_background_is_opaque_white(number):
    assert to_hex(drawn(number).get_facecolor(), keep_alpha=True) == "#ffffffff"


@each
def test_at_most_60_words(number):
    assert len(words(drawn(number))) <= 60, words(drawn(number))


@each
def test_texts_are_large_enough(number):
    sizes = {t.get_text(): t.get_fontsize() for t in visible_texts(drawn(number))}
    assert min(sizes.values()) >= base.MIN_SIZE, sizes


@each
def test_title_and_foot_are_there(number):
    shown = [t.get_text() for t in visible_texts(drawn(number))]
    assert shown[0] == POSTERS[number].texts(DATA[number]).title
    assert "treinad" in shown[2]


@each
def test_nothing_leaves_the_canvas(number):
    assert not outside(drawn(number))


@each
def test_texts_do_not_overlap(number):
    assert not overlapping(drawn(number))


@each
def test_colors_are_the_course_s(number):
    assert not strange_colors(drawn(number))


@each
def test_texts_stand_out(number):
    assert not faint(drawn(number))


def test_the_checks_see_what_is_wrong():
    fig, ax = base.poster("Um título", "um subtítulo", "Não treinado.")
    base.text(ax, 100, 300, "sobreposto")
    base.text(ax, 104, 304, "em cima")
    base.text(ax, 1190, 400, "fora do quadro")
    base.text(ax, 100, 500, "claro demais", color=COLORS["k"])
    base.text(ax, 100, 560, "cor de fora", color="#123456")
    base.arrow(ax, (600, 600), (600, 690))
    assert overlapping(fig) == [("sobreposto", "em cima")]
    assert len(outside(fig)) == 3  # o texto, a haste e a ponta
    assert list(faint(fig)) == ["claro demais"]
    assert strange_colors(fig) == {"#123456"}
    assert len(words(fig)) == 17


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda ax: base.text(ax, 0, 0, "miúdo", size=11), "12 pt ou mais"),
        (lambda ax: base.poster("Um título", "", "Sem dizer nada."), "não treinado"),
        (lambda ax: base.poster("Longo " * 20, "", "Não treinado."), "mas cabem 1104"),
    ],
)
def test_base_refuses(wrong, message):
    _, ax = base.poster("Um título", "", "Não treinado.")
    with pytest.raises(ValueError, match=message):
        wrong(ax)


# --- os números -----------------------------------------------------------------------


def trains(number):
    return getattr(POSTERS[number], "TRAINED", False)


@pytest.mark.parametrize("number", [n for n in NUMBERS if not trains(n)])
def test_quick_measures_are_the_stored_ones(number):
    new = json.loads(json.dumps(POSTERS[number].measure()))
    assert not differences(DATA[number], new)


@pytest.mark.trained
@pytest.mark.parametrize("number", [n for n in NUMBERS if trains(n)])
def test_trained_measures_tell_the_same(number):
    """O que o título afirma segue verdadeiro, e os números são os guardados."""
    module = POSTERS[number]
    new = json.loads(json.dumps(module.measure()))
    assert module.holds(DATA[number]) and module.holds(new)
    assert not differences(DATA[number], new)


@pytest.mark.parametrize("number", [n for n in NUMBERS if trains(n)])
def test_titles_hold_for_the_stored_numbers(number):
    assert POSTERS[number].holds(DATA[number])


def test_differences_sees_a_changed_number():
    old = {"row": [0.5, 0.25], "word": "loba"}
    assert not differences(old, {"row": [0.51, 0.25], "word": "loba"})
    assert differences(old, {"row": [0.5, 0.28], "word": "loba"}) == [
        ".row[1]: 0.25 → 0.28"
    ]
    assert differences(old, {"row": [0.5, 0.25], "word": "lobas"})
