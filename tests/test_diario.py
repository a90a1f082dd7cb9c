"""O capítulo escrito: números do código, seções completas, glossário e fontes."""

import doctest
import re
import unicodedata

import pytest
from test_repository import PACKAGE, ROOT, SECTIONS

from tools import diario
from tools.notebooks import MACHINE_PATH, NOTEBOOKS

PAGE = diario.PAGE.read_text(encoding="utf-8")
CHAPTER, GLOSSARY, REFERENCES = re.split(
    r"^## (?:Glossário|Referências)\n", PAGE, flags=re.M
)
WRITTEN = diario.MARK.findall(PAGE)

# Os decimais que se digitam, e por quê.
DEFINITIONS = {
    "0,5": "o exemplo de vírgula decimal, no começo",
    "0.5": "o exemplo de ponto decimal, no começo",
    "3.2.1": "a seção do artigo de 2017",
    "1.5": "número de exercício",
    "4.5": "número de exercício",
    "6.5": "número de exercício",
}

# Os termos da casa, na forma em que se escrevem, e o inglês de cada um.
TERMS = {
    "ablação": "ablation",
    "acurácia": "accuracy",
    "ajuste fino": "fine-tuning",
    "atenção": "attention",
    "atenção com consultas agrupadas": "grouped-query attention",
    "atenção cruzada": "cross-attention",
    "atenção multi-cabeça": "multi-head attention",
    "atrator": "attractor",
    "autoatenção": "self-attention",
    "autorregressivo": "autoregressive",
    "batch": "batch",
    "cabeça": "head",
    "cabeça de indução": "induction head",
    "cache KV": "KV cache",
    "chave": "key",
    "codificação posicional": "positional encoding",
    "codificador": "encoder",
    "concordância verbal": "subject–verb agreement",
    "conexão residual": "residual connection",
    "consulta": "query",
    "decodificador": "decoder",
    "dependência de longo alcance": "long-range dependency",
    "desvanecimento do gradiente": "vanishing gradient",
    "dimensão da cabeça": "head dimension",
    "dropout": "dropout",
    "embedding": "embedding",
    "embedding posicional": "positional embedding",
    "entropia": "entropy",
    "entropia cruzada": "cross-entropy",
    "escore de atenção": "attention score",
    "estado oculto": "hidden state",
    "explosão do gradiente": "exploding gradient",
    "fecho convexo": "convex hull",
    "fluxo residual": "residual stream",
    "forma": "shape",
    "gradiente": "gradient",
    "inferência": "inference",
    "janela": "window",
    "linha de base": "baseline",
    "logits": "logits",
    "mapa de atenção": "attention map",
    "máscara causal": "causal mask",
    "máscara de padding": "padding mask",
    "média ponderada": "weighted mean",
    "normalização de camada": "LayerNorm",
    "núcleo do sujeito": "subject's head noun",
    "overfitting (sobreajuste)": "overfitting",
    "parâmetros": "parameters, weights",
    "perda": "loss",
    "perplexidade": "perplexity",
    "peso de atenção": "attention weight",
    "pré-treinamento": "pretraining",
    "previsão do próximo token": "next-token prediction",
    "produto escalar": "dot product",
    "produto escalar escalonado": "scaled dot product",
    "rede feed-forward": "feed-forward network",
    "rede recorrente": "recurrent neural network",
    "semente": "seed",
    "softmax": "softmax",
    "sumidouro de atenção": "attention sink",
    "taxa de aprendizado": "learning rate",
    "temperatura": "temperature",
    "token": "token",
    "Transformer": "Transformer",
    "treinamento": "training",
    "valor": "value",
    "vetor de contexto": "context vector",
    "viés": "bias",
}


def prose(text: str) -> str:
    """Só as palavras: sem código, fórmulas, imagens, tabelas, marcas e endereços."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", " ", text, flags=re.S)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|^\|.*$", "", text, flags=re.M)
    text = re.sub(r"\]\([^)]*\)", "]", diario.MARK.sub(r"\2", text))
    return " ".join(text.replace("*", "").split())


def sections() -> dict[str, str]:
    """Título numerado → texto da seção, na ordem."""
    parts = re.split(r"^## (\d\. .+)\n", CHAPTER, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def formulas(text: str) -> list[str]:
    text = re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.M | re.S)
    return re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", text, flags=re.S)


def glossary() -> dict[str, str]:
    """Termo → inglês, como estão na tabela."""
    rows = [line.split(" | ") for line in GLOSSARY.splitlines() if line.startswith("|")]
    cells = [[cell.replace("*", "").strip("| ") for cell in row] for row in rows[2:]]
    assert all(len(row) == 3 and row[2].endswith(".") for row in cells)
    return {pt: english for pt, english, _ in cells}


def is_used(term: str, text: str) -> bool:
    """Se o termo aparece, no singular ou no plural."""
    words = [re.escape(word) + "(?:e?s)?" for word in term.split()]
    return re.search(r"(?<!\w)" + r"\s".join(words) + r"(?!\w)", text, re.I) is not None


# --- Os números -----------------------------------------------------------------------


def test_every_number_has_a_function_and_every_function_a_number():
    assert not diario.QUICK.keys() & diario.SLOW.keys()
    assert {name for name, _ in WRITTEN} == diario.QUICK.keys() | diario.SLOW.keys()


def check(name: str, value: str) -> None:
    for found, written in WRITTEN:
        if found == name:
            assert written == value, f"{name}: o texto diz {written}, e deu {value}"


@pytest.mark.parametrize("name", diario.QUICK)
def test_the_number_is_the_one_measured(name):
    check(name, diario.QUICK[name]())


@pytest.mark.trained
@pytest.mark.parametrize("name", diario.SLOW)
def test_the_trained_number_is_the_one_measured(name):
    check(name, diario.SLOW[name]())


def test_no_number_is_typed_by_hand():
    text = prose(diario.MARK.sub("", CHAPTER + GLOSSARY))
    lines = (CHAPTER + GLOSSARY).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    text += diario.MARK.sub("", "\n".join(tables))
    typed = re.findall(r"\d+(?:[.,]\d+)+", text)
    assert set(typed) == DEFINITIONS.keys()


def test_marks_are_whole_and_never_start_a_line():
    """No começo da linha, o comentário faria do parágrafo um bloco de HTML."""
    assert PAGE.count("<!--") == PAGE.count("-->") == 2 * len(WRITTEN)
    assert not re.search(r"^\s*<!--", PAGE, flags=re.M)


def test_the_tool_writes_what_it_measures():
    result = doctest.testmod(diario)
    assert result.attempted > 4 and result.failed == 0
    name = WRITTEN[0][0]
    stale = diario.fill(PAGE, {name: "outro"})
    assert stale != PAGE and diario.MARK.findall(stale)[0] == (name, "outro")
    assert diario.fill(stale, dict(WRITTEN)) == PAGE


# --- O texto --------------------------------------------------------------------------


def test_the_chapter_has_the_length_of_a_chapter():
    assert 5000 <= len(re.findall(r"\w+(?:[-,.]\w+)*", prose(CHAPTER))) <= 8000


def test_sections_have_the_titles_of_the_chapter():
    titles = [f"{int(name[:2])}. {title}" for name, title in SECTIONS.items()]
    assert list(sections()) == titles
    assert "como o modelo decide quais partes do contexto" in PAGE.casefold()[:200]


@pytest.mark.parametrize("name", SECTIONS)
def test_each_section_is_complete(name):
    text = sections()[f"{int(name[:2])}. {SECTIONS[name]}"]
    posters = diario.IMAGE.findall(text)
    assert posters == [name[:2]] + ["06b"] * (name[:2] == "06")
    assert text.count("**O erro comum.**") == text.count("**No caderno.**") == 1
    assert f"](notebooks/{name}.ipynb)" in text.partition("**No caderno.**")[2]
    assert formulas(text) and diario.MARK.search(text)


def test_formulas_are_the_ones_that_github_draws():
    for formula in formulas(PAGE):
        assert "operatorname" not in formula, f"o GitHub recusa: {formula}"
        assert not re.search(r"(?<![A-Za-z0-9])_", formula), f"vira itálico: {formula}"
        assert not re.search(r"\\[^A-Za-z \n]", formula), f"perde a barra: {formula}"
        assert "*" not in formula and "<" not in formula, formula


def test_code_is_the_code_of_the_course():
    sources = [p.read_text(encoding="utf-8") for p in PACKAGE.rglob("*.py")]
    sources += [p.read_text(encoding="utf-8") for p in NOTEBOOKS.glob("*.ipynb")]
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)
    assert blocks
    for line in "".join(blocks).splitlines():
        assert any(line.strip() in source for source in sources), line


# --- O glossário e as referências -----------------------------------------------------


def test_the_glossary_has_the_terms_used_and_only_those():
    text = prose(CHAPTER)
    used = {term for term in TERMS if is_used(term.split(" (")[0], text)}
    assert glossary().keys() == used
    for term, english in glossary().items():
        assert english == TERMS[term], term


def test_the_glossary_is_alphabetical():
    plain = [unicodedata.normalize("NFD", term.casefold()) for term in glossary()]
    plain = [term.encode("ascii", "ignore") for term in plain]
    assert plain == sorted(plain)


@pytest.mark.parametrize(
    "term", [t for t, english in glossary().items() if english.lower() not in t.lower()]
)
def test_the_english_comes_with_the_term(term):
    """Em itálico, no capítulo; as palavras que já são inglesas ficam de fora."""
    for english in TERMS[term].split(", "):
        assert f"*{english}" in " ".join(CHAPTER.split()), english


def test_references_are_cited_and_citations_have_references():
    entries = " ".join(REFERENCES.split())
    keys = re.findall(r"\*\*([^*]+, \d{4})\.\*\*", entries)
    assert len(keys) == len(set(keys)) > 10
    text = " ".join(CHAPTER.replace("(", "").replace(")", "").split())
    for key in keys:
        names, year = key.split(", ")
        assert key in text or f"{names} {year}" in text, f"{key} não é citada"
    cited = re.findall(
        r"(\w+(?: et al\.| e \w+)?),? \(?((?:19|20)\d\d)\)?[;,.)\s]", CHAPTER
    )
    for names, year in cited:
        if names[0].isupper():
            assert f"{names}, {year}" in keys, f"{names} ({year}) não tem referência"


def test_references_have_an_address_each():
    entries = re.findall(r"^- .*?(?=^- |\Z)", REFERENCES, flags=re.M | re.S)
    assert len(entries) >= 10
    for entry in entries:
        assert entry.count("](https://") == entry.count(".**"), entry


def test_no_path_of_a_machine():
    assert not MACHINE_PATH.search(PAGE)
    assert MACHINE_PATH.search(f"veja {ROOT}/diario.md")
