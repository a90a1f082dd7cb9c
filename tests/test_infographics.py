"""``infographic``: acha o infográfico, mostra-o com o alt, e não pede a internet."""

import base64
import re

import pytest

from attention_lab import infographics
from attention_lab.infographics import find, infographic, posters, texts


@pytest.fixture
def shown(monkeypatch):
    """Mostra um infográfico; devolve o que chegaria ao caderno."""

    def show(number) -> dict:
        outputs = []
        display = "IPython.display.display"
        monkeypatch.setattr(display, lambda data, raw: outputs.append(data))
        assert infographic(number) is None
        (output,) = outputs
        return output

    return show


@pytest.mark.parametrize("number", posters())
def test_shows_the_file_with_its_texts(shown, number):
    data = shown(number)
    page = data["text/html"]
    title, description = texts(find(number))
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert base64.b64decode(image[1]) == find(number).read_bytes()
    assert len(title) > 40 and title in data["text/plain"]
    assert len(description) > len(title) and description in data["text/plain"]
    assert re.search(r'alt="[^"]{40,}"', page)
    assert "http" not in page.replace(image[0], "")  # nada sai da máquina
    assert "<script" not in page


def test_every_section_has_one():
    assert {number[:2] for number in posters()} == {f"0{n}" for n in range(1, 9)}


@pytest.mark.parametrize("number", ["6", 6, " 06 ", "06"])
def test_the_number_may_be_written_in_other_ways(number):
    assert find(number).name.startswith("06_")


@pytest.mark.parametrize("number", ["9", "", None, "06c", "../06", 6.5])
def test_unknown_numbers_say_which_there_are(number):
    with pytest.raises(ValueError, match=r"Não há infográfico .* Há: 01, 02"):
        infographic(number)


def test_a_broken_installation_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(infographics, "_FOLDERS", (tmp_path / "nada",))
    with pytest.raises(ValueError, match="nenhum; reinstale o pacote"):
        infographic("06")


def test_the_alt_text_is_text_and_never_markup(shown, monkeypatch, tmp_path):
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><title>a &lt;b&gt; "c"</title></svg>'
    (tmp_path / "06_x.svg").write_text(svg, encoding="utf-8")
    monkeypatch.setattr(infographics, "_FOLDERS", (tmp_path,))
    assert 'alt="a &lt;b&gt; &quot;c&quot;"' in shown("06")["text/html"]
