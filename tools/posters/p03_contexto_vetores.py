"""Infográfico 03: os três passos que fazem o vetor de contexto de uma palavra."""

import torch
from matplotlib.figure import Figure

from attention_lab.figures import COLORS, comma
from tools.posters import base

ID = "03"
FILE = "03_vetores_de_contexto.svg"
SECTION = "03_self_attention_basico"
TOKENS = "O gato que estava no telhado miou".split()
X = [  # os embeddings do caderno 03: animal, lugar, ação
    [0.2, 0.1, 0.0],
    [1.8, 0.2, 0.6],
    [0.1, 0.1, 0.2],
    [0.3, 0.8, 0.9],
    [0.0, 0.6, 0.1],
    [0.2, 1.9, 0.0],
    [1.5, 0.0, 1.6],
]


def measure() -> dict:
    """A linha de "miou" na autoatenção do caderno 03: escores, pesos e contexto."""
    x = torch.tensor(X)
    scores = x @ x[6]
    weights = torch.softmax(scores, -1)
    rest = 1 - weights[1] - weights[6]  # os outros cinco tokens, somados
    return base.rounded(
        x=x, scores=scores, weights=weights, rest=rest, context=weights @ x
    )


def texts(n: dict) -> base.Texts:
    own, cat = comma(n["weights"][6]), comma(n["weights"][1])
    rest = comma(n["rest"])
    context = "; ".join(comma(c) for c in n["context"])
    scores = "; ".join(comma(s) for s in n["scores"])
    weights = "; ".join(comma(w) for w in n["weights"])
    return base.Texts(
        title=f"O contexto de “miou”: {own} dele mesmo e {cat} de “gato”",
        purpose="Mostrar que um vetor de contexto sai de três contas: comparar, "
        "repartir e misturar.",
        alt="Diagrama em três passos: os escores de “miou” viram pesos de atenção "
        f"({own} em si mesmo, {cat} em “gato”), e a média ponderada dos sete vetores "
        f"é o contexto ({context}).",
        long="Sete linhas, uma por token de “O gato que estava no telhado miou”. À "
        "esquerda, o vetor de três números de cada token (animal, lugar, ação). "
        "Passo 1, comparar: o produto escalar de cada vetor com o de “miou” dá os "
        f"escores {scores}. Passo 2, repartir: a softmax os transforma nos pesos "
        f"{weights}, em barras; antes de arredondados, somam 1. Passo 3, misturar: "
        "cada vetor é multiplicado pelo seu peso, e a soma é o vetor de contexto "
        f"({context}). Vetores inventados à mão, sem treinamento.",
        notice=f"“miou” se parece mais consigo mesmo: a maior parte do peso, {own}, "
        f"fica nele, e sobra {rest} para os outros cinco tokens somados. A conta não "
        "sabe o que é um sujeito: “gato” só vem em segundo porque os dois vetores "
        "têm um tanto de “animal”.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco, traço limpo. "
        "Tabela de sete linhas (O, gato, que, estava, no, telhado, miou), a de "
        "“miou” em destaque azul. Da esquerda para a direita, quatro blocos ligados "
        "por setas: os vetores de três números; 1 comparar, a coluna de escores "
        f"({scores}) em tons do branco ao púrpura; 2 repartir, barras roxas com os "
        f"pesos ({weights}); 3 misturar, o vetor de contexto ({context}) em tinta, "
        "grande, num quadro verde, à direita. Título em negrito no alto: o achado. No "
        "pé: vetores inventados, não treinado. Letras sem serifa, vírgula decimal, "
        "muito branco. Evite: cérebros, robôs, gatos realistas, brilhos, gradientes de "
        "fundo, texto em inglês, números diferentes destes.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "Comparar, repartir, misturar: três contas fazem um vetor de contexto",
        "Vetores inventados à mão; nada foi treinado.",
    )
    top, height = 208, 52
    rows = [top + (i + 0.5) * height for i in range(7)]
    bottom = top + 7 * height
    band = base.tint("q")
    base.box(ax, 48, top + 6 * height, 782, height, role="q", face=band, lw=0, zorder=1)
    for y, word in zip(rows, TOKENS):
        base.text(ax, 150, y, word, ha="right", size=15, weight=_weight(word))
    base.matrix(
        ax, 168, top, n["x"], role="ink", cell=(58, height), decimals=1, size=15
    )
    _step(ax, 255, "vetores", "")
    _step(ax, 449, "1 comparar", "produto escalar")
    base.arrow(ax, (350, rows[3]), (396, rows[3]))
    column = [[s] for s in n["scores"]]
    base.matrix(ax, 404, top, column, role="scores", cell=(90, height), size=15)
    _step(ax, 690, "2 repartir", "softmax")
    base.arrow(ax, (502, rows[3]), (548, rows[3]))
    for y, weight in zip(rows, n["weights"]):
        base.bar(ax, 560, y, 260 * weight, height=30)
        at, bold = 560 + 260 * weight + 10, "bold" if weight > 0.1 else "normal"
        base.text(ax, at, y, comma(weight), size=15, weight=bold)
    base.arrow(ax, (842, rows[1]), (888, rows[1]))
    _step(ax, 1024, "3 misturar", "média ponderada")
    parts = [
        (n["weights"][6], "miou"),
        (n["weights"][1], "gato"),
        (n["rest"], "outros"),
    ]
    for i, (weight, word) in enumerate(parts):
        sign = "+" if i else ""
        y, bold = rows[0] + 18 + 42 * i, "normal" if word == "outros" else "bold"
        base.text(ax, 924, y, sign, size=16, ha="center")
        base.text(ax, 1002, y, comma(weight), size=16, ha="right", weight=bold)
        base.text(ax, 1020, y, f"× {word}", size=16, weight=bold)
    base.arrow(ax, (1024, rows[2] + 34), (1024, rows[4] - 30))
    corner = (898, rows[4] - 22)
    base.matrix(ax, *corner, [n["context"]], role="v", cell=(84, 76), size=20)
    base.text(ax, 1024, rows[6] - 20, "contexto", ha="center", size=16, weight="bold")
    base.line(ax, [(560, top), (560, bottom)], lw=1.5)
    return fig


def _step(ax, x, name, how):
    base.text(ax, x, 147, name, ha="center", size=17, weight="bold")
    base.text(ax, x, 180, how, ha="center", color=COLORS["soft"])


def _weight(word):
    return "bold" if word in ("gato", "miou") else "normal"
