"""Infográfico 02: a atenção é uma média ponderada, e os pesos escolhem onde ela cai."""

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from attention_lab.figures import COLORS, comma
from tools.posters import base

ID = "02"
FILE = "02_intuicao.svg"
SECTION = "02_intuicao_da_atencao"
WORDS = ["gato", "telhado", "miou"]
PARTS = {"uniforme": [1, 1, 1], "suave": [2, 1, 1], "um só": [1, 0, 0]}


def measure() -> dict:
    """As três repartições do caderno 02, com os vetores da conta no papel."""
    vectors = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    parts = torch.tensor(list(PARTS.values()), dtype=torch.float32)
    weights = parts / parts.sum(-1, keepdim=True)  # (3, 3): cada linha soma 1
    return base.rounded(vectors=vectors, weights=weights, contexts=weights @ vectors)


def texts(n: dict) -> base.Texts:
    pairs = [_pair(c) for c in n["contexts"]]
    rows = ["; ".join(comma(w) for w in row) for row in n["weights"]]
    told = "; ".join(
        f"{name}, pesos {row}, contexto {pair}"
        for name, row, pair in zip(PARTS, rows, pairs)
    )
    return base.Texts(
        title="Atenção é média ponderada: os pesos dizem onde ela cai",
        purpose="Dar a intuição da atenção antes de qualquer fórmula: repartir 1 "
        "entre as palavras e tirar a média ponderada.",
        alt="Três planos com os vetores de gato, telhado e miou e a média ponderada "
        f"deles: {told}.",
        long="Três quadros, lado a lado, com os mesmos três vetores em verde: gato "
        "(2; 0), telhado (0; 1) e miou (1; 1), e o triângulo das suas pontas. Em "
        "cima de cada um, barras roxas dizem como 1 foi repartido entre as palavras; "
        f"no plano, um losango escuro marca o vetor de contexto. {told.capitalize()}. "
        "Nos três, o losango fica no triângulo. Vetores e pesos escolhidos à mão, "
        "sem treinamento.",
        notice="Os vetores não mudam; só os pesos mudam, e o contexto anda. Pesos "
        "iguais dão a média simples, no meio. Todo o peso em uma palavra devolve o "
        "vetor dela, intacto. Com pesos não negativos que somam 1, nenhuma mistura "
        "sai do triângulo.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco, três colunas "
        "iguais: uniforme, suave, um só. Em cada coluna, em cima, três barras roxas "
        f"deitadas (gato, telhado, miou) com os pesos ({' | '.join(rows)}); embaixo, "
        "um plano com três setas verdes da origem a (2; 0), (0; 1) e (1; 1), o "
        "triângulo das pontas em verde claro e um losango escuro no contexto "
        f"({' | '.join(pairs)}). O losango anda da esquerda para a direita entre as "
        "colunas. Letras sem serifa grandes, vírgula decimal, muito branco. Evite: "
        "balanças, bolos, gatos desenhados, eixos com muitos números, gradientes, "
        "texto em inglês.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "Repartir 1 entre as palavras; somar os vetores, cada um na sua parte",
        "Vetores e pesos escolhidos à mão; nada foi treinado.",
    )
    for column, name in enumerate(PARTS):
        left = 48 + column * 376
        base.panel(ax, left, 134, 352, 482)
        base.text(ax, left + 24, 168, name, size=19, weight="bold")
        _weights(ax, left + 24, 220, n["weights"][column])
        _plane(ax, left + 44, 530, n["vectors"], n["contexts"][column])
    return fig


def _weights(ax, x, y, weights):
    for i, (word, weight) in enumerate(zip(WORDS, weights)):
        middle = y + 42 * i
        base.text(ax, x, middle, word, size=15)
        base.bar(ax, x + 96, middle, 145 * weight, height=28)
        end = x + 106 + 145 * weight
        weight_of_text = "bold" if weight else "normal"
        base.text(ax, end, middle, comma(weight), size=15, weight=weight_of_text)


def _plane(ax, x, y, vectors, context):
    """O plano, com a origem em (x, y) e 130 px por unidade."""
    unit = 130
    tips = np.array([x, y]) + unit * np.array(vectors) * [1, -1]
    hull = Polygon(
        tips, closed=True, facecolor=base.tint("v"), edgecolor=COLORS["v"], lw=1.5
    )
    hull.set(linestyle=(0, (2, 2)), zorder=1)
    ax.add_patch(hull)
    for tip in tips:
        base.arrow(ax, (x, y), tip, color=COLORS["v"], lw=2.5)
    for word, tip, shift, ha in zip(
        WORDS, tips, [(0, 24), (-20, -22), (14, -18)], ["right", "left", "left"]
    ):
        base.text(ax, tip[0] + shift[0], tip[1] + shift[1], word, size=14, ha=ha)
    point = np.array([x, y]) + unit * np.array(context) * [1, -1]
    base.dots(ax, [point], color=COLORS["ink"], size=28, shape="D")
    told = f"contexto {_pair(context)}"
    base.text(ax, x - 20, y + 56, told, size=16, weight="bold")


def _pair(vector):
    return f"({'; '.join(comma(c) for c in vector)})"
