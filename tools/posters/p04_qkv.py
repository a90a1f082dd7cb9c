"""Infográfico 04: consulta, chave e valor; "miou" procura e acha "gato"."""

import math

import torch
from matplotlib.figure import Figure

from attention_lab.figures import COLORS, comma
from tools.posters import base
from tools.posters.p03_contexto_vetores import TOKENS
from tools.posters.p03_contexto_vetores import X as EMBEDDINGS

ID = "04"
FILE = "04_query_key_value.svg"
SECTION = "04_query_key_value"


def measure() -> dict:
    """A linha de "miou" com as matrizes escolhidas à mão no caderno 04."""
    x = torch.tensor(EMBEDDINGS)
    W_q = torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, -3.0]])
    W_k = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    W_v = torch.tensor([[1.0], [0.0], [0.0]])
    q, k, v = x @ W_q, x @ W_k, x @ W_v  # (7, 2), (7, 2), (7, 1)
    scores = k @ q[6] / math.sqrt(2)
    weights = torch.softmax(scores, -1)
    before = torch.softmax(x @ x[6], -1)  # a autoatenção do caderno 03
    return base.rounded(
        q=q[6],
        k=k,
        v=v,
        scores=scores,
        weights=weights,
        before=before,
        output=weights @ v,
    )


def texts(n: dict) -> base.Texts:
    before, after = comma(n["before"][1]), comma(n["weights"][1])
    query = "; ".join(comma(c, 1) for c in n["q"])
    own = comma(n["weights"][6])
    return base.Texts(
        title=f"Com Q, K e V, “miou” acha “gato”: {before} → {after}",
        purpose="Mostrar os três papéis de cada token: o que procura (Q), como é "
        "encontrado (K) e o que entrega (V).",
        alt=f"Diagrama: a consulta de “miou”, ({query}), é comparada com as chaves "
        f"dos sete tokens; “gato” recebe peso {after} (era {before} sem projeções), e "
        f"o contexto é {comma(n['output'][0])}.",
        long="Em cima, em azul, a consulta Q de “miou”, o seu vetor x multiplicado "
        f"por W_q: ({query}). Embaixo, sete linhas, uma por token de “O gato que "
        "estava no telhado miou”. Primeira coluna, em laranja, as chaves K, de dois "
        "números. Segunda, os escores: o produto escalar da consulta com cada chave, "
        "dividido pela raiz de d_k. Terceira, em barras roxas, os pesos: “gato” "
        f"recebe {after}, e “miou”, {own}. Quarta, em verde, os valores V, de um "
        "número (quanto há de animal). À direita, a média ponderada dos valores: "
        f"{comma(n['output'][0])}. As matrizes foram escolhidas à mão, sem "
        "treinamento.",
        notice="Consulta, chave e valor saem do mesmo vetor, por três matrizes "
        "diferentes. “miou” não olha mais para si: a sua chave não é o que a sua "
        "consulta pede. Aqui as matrizes foram escolhidas para que isso acontecesse; "
        "o infográfico 05 mostra o que muda quando são treinadas.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco. No alto, o achado "
        f"em negrito. Um bloco azul “Q” com a consulta de miou ({query}). Embaixo, "
        "uma tabela de sete linhas (O, gato, que, estava, no, telhado, miou) com "
        "quatro colunas ligadas por setas: K em laranja, dois números por linha; "
        "escores, em tons de oliva e púrpura; pesos, barras roxas, a de gato muito "
        f"maior ({after}); V em verde, um número por linha. À direita, o contexto, "
        f"{comma(n['output'][0])}, grande, em tinta, num quadro verde. A "
        "linha de gato em destaque. Letras sem serifa, vírgula decimal, muito branco. "
        "No pé: matrizes escolhidas à mão, não treinado. Evite: chaves e cadeados "
        "desenhados, robôs, gatos, texto em inglês, números diferentes destes.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "Um vetor, três matrizes: Q procura, K é encontrado, V entrega",
        "Matrizes escolhidas à mão; nada foi treinado.",
    )
    top, height = 258, 50
    rows = [top + (i + 0.5) * height for i in range(7)]
    middle = rows[3]
    face = base.tint("weights")
    corner = (48, rows[1] - height / 2)
    base.box(ax, *corner, 862, height, role="weights", face=face, lw=0, zorder=1)
    for y, word in zip(rows, TOKENS):
        weight = "bold" if word in ("gato", "miou") else "normal"
        base.text(ax, 150, y, word, ha="right", size=15, weight=weight)
    base.matrix(ax, 170, 136, [n["q"]], role="q", cell=(70, 54), decimals=1, size=17)
    base.text(ax, 328, 163, "Q de “miou”", size=18, weight="bold", color=COLORS["q"])
    base.arrow(ax, (188, 196), (188, 248), color=COLORS["q"], lw=2.5)
    for x, name in (
        (240, "K"),
        (410, "escores / √2"),
        (632, "pesos de atenção"),
        (866, "V"),
    ):
        base.text(ax, x, top - 24, name, size=18, weight="bold", ha="center")
    base.matrix(ax, 170, top, n["k"], role="k", cell=(70, height), decimals=1, size=15)
    base.arrow(ax, (318, middle), (356, middle))
    column = [[s] for s in n["scores"]]
    look = {"role": "scores", "cell": (92, height), "size": 15, "limit": 9}
    base.matrix(ax, 364, top, column, **look)
    base.arrow(ax, (464, middle), (502, middle))
    for y, weight in zip(rows, n["weights"]):
        base.bar(ax, 514, y, 190 * weight, height=30)
        bold = "bold" if weight > 0.1 else "normal"
        base.text(ax, 524 + 190 * weight, y, comma(weight), size=16, weight=bold)
    base.line(ax, [(514, top), (514, top + 7 * height)], lw=1.5)
    base.text(ax, 796, middle, "×", size=24, ha="center", color=COLORS["soft"])
    base.matrix(ax, 826, top, n["v"], role="v", cell=(80, height), decimals=1, size=15)
    base.arrow(ax, (916, middle), (968, middle))
    base.matrix(ax, 984, middle - 46, [n["output"]], role="v", cell=(150, 92), size=30)
    base.text(ax, 1059, middle + 76, "contexto", ha="center", size=16, weight="bold")
    return fig
