"""Infográfico 06b: o dropout apaga pesos de atenção, e a linha só soma 1 em média."""

import torch
from matplotlib.figure import Figure
from torch import nn

from attention_lab.attention import attention, causal_mask
from attention_lab.figures import COLORS, comma
from tools.posters import base

ID = "06b"
FILE = "06b_dropout.svg"
SECTION = "06_mascara_causal"
TOKENS = "O gato que estava no telhado miou".split()
DRAWS = 4000
UNIT, LEFT, SUM = 128, 938, 140  # px: um peso 1 em pé; a coluna da soma; uma soma 1


def measure() -> dict:
    """A linha de "miou" do caderno 06, sem dropout e com ele, em 4000 sorteios."""
    generator = torch.Generator().manual_seed(6)
    q, k = torch.randn(2, 7, 4, generator=generator)
    v = torch.randn(7, 3, generator=generator)
    weights = attention(q, k, v, causal_mask(7))[1][6]  # (7,)
    torch.manual_seed(24)
    dropped = nn.Dropout(0.5)(weights.expand(DRAWS, 7))  # (4000, 7)
    return base.rounded(
        weights=weights,
        draws=dropped[:2],
        draw_sums=dropped[:2].sum(-1),
        mean=dropped.mean(0),
        mean_sum=dropped.sum(-1).mean(),
    )


def texts(n: dict) -> base.Texts:
    first, second = (comma(total) for total in n["draw_sums"])
    mean = comma(n["mean_sum"])
    weights = "; ".join(comma(w) for w in n["weights"])
    peak = comma(max(n["weights"]))
    double = comma(max(map(max, n["draws"])))
    gone = sum(w == 0 for w in n["draws"][0])
    return base.Texts(
        title="Com dropout, a linha só soma 1 em média",
        purpose="Mostrar o que o dropout faz com os pesos de atenção: apaga ao "
        "acaso, compensa nos que ficam, e só no treinamento.",
        alt="Barras dos pesos de atenção de “miou”, que somam 1,00. Com dropout de "
        f"0,5, dois sorteios somam {first} e {second}: cada peso some ou dobra. Na "
        f"média de {comma(DRAWS, 0)} sorteios, a soma volta a {mean}.",
        long="Quatro linhas de barras roxas, com uma coluna por token de “O gato que "
        "estava no telhado miou” e a soma à direita. Na primeira, sem dropout, os "
        f"pesos são {weights}, e somam 1,00: é assim na avaliação. Nas duas "
        "seguintes, dois sorteios do treinamento, com p = 0,5: os pesos apagados são "
        "caixas tracejadas vazias, e os que ficam têm o dobro da altura; o de "
        f"“estava” vai de {peak} a {double}. No primeiro sorteio somem {gone} dos 7, "
        f"e a soma é {first}; no segundo, {second}. A última linha é a média de "
        f"{comma(DRAWS, 0)} sorteios: as alturas são as da primeira, e a soma é "
        f"{mean}. Pesos não treinados.",
        notice="Quem fica é multiplicado por 1/(1 − p): com p = 0,5, dobra. É isso "
        "que mantém a média, e não cada linha. Um peso que a máscara zerou continua "
        "0: zero multiplicado segue zero. Na avaliação o dropout sai; esquecê-lo faz "
        "duas chamadas iguais darem respostas diferentes.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco, limpo. Sete "
        "colunas com os tokens O, gato, que, estava, no, telhado, miou no alto; "
        f"quatro linhas de barras roxas. Linha 1, “avaliação”: alturas {weights}. "
        "Linhas 2 e 3, “treinamento”, dois sorteios: as barras apagadas são "
        "contornos cinza tracejados e vazios, com 0; as outras têm o dobro da "
        "altura, com um traço branco na altura antiga. Linha 4: a média, igual à "
        "linha 1. À direita, a soma de cada linha em número grande e em barra, com "
        f"uma reta vertical tracejada no 1: 1,00; {first}; {second}; {mean}. Título "
        "em negrito: o achado. Evite: dados de jogo, neurônios desenhados, brilhos, "
        "texto em inglês, números diferentes destes.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "Cada peso some com chance 0,5; os que ficam dobram",
        "Pesos não treinados, de uma cabeça causal; p = 0,5; valores arredondados.",
    )
    base.panel(ax, 28, 276, 1144, 252)
    xs = [282 + 92 * i for i in range(7)]
    for x, word in zip(xs, TOKENS, strict=True):
        base.text(ax, x, 158, word, size=15, ha="center", va="baseline")
    base.text(ax, LEFT, 158, "soma", size=15, weight="bold", va="baseline")
    rows = [
        (254, "avaliação", "sem dropout", n["weights"], sum(n["weights"])),
        (378, "treinamento", "um sorteio", n["draws"][0], n["draw_sums"][0]),
        (508, "treinamento", "outro sorteio", n["draws"][1], n["draw_sums"][1]),
        (612, "média", f"{comma(DRAWS, 0)} sorteios", n["mean"], n["mean_sum"]),
    ]
    for y, name, which, weights, total in rows:
        base.text(ax, 48, y - 40, name, size=16, weight="bold")
        base.text(ax, 48, y - 11, which, color=COLORS["soft"])
        base.line(ax, [(xs[0] - 40, y), (xs[-1] + 40, y)], lw=1.5)
        for x, weight, before in zip(xs, weights, n["weights"], strict=True):
            _column(ax, x, y, weight, before)
        base.bar(ax, LEFT, y - 15, SUM * total, height=28)
        base.text(ax, LEFT, y - 52, comma(total), size=22, weight="bold")
    one = LEFT + SUM
    base.line(ax, [(one, 176), (one, 612)], color=COLORS["ink"], dashed=True)
    tallest = max(range(7), key=lambda i: n["draws"][1][i])
    level = 508 - UNIT * n["weights"][tallest]
    base.text(ax, xs[tallest] - 36, level, "×2", size=15, weight="bold", ha="right")
    return fig


def _column(ax, x, y, weight, before):
    """Um peso em pé: a barra, ou o contorno vazio do que sumiu."""
    tall = UNIT * (weight or before)
    look = {"role": "weights", "face": COLORS["weights"], "lw": 0, "radius": 1}
    if weight == 0:
        look = {"dashed": True, "face": "white", "lw": 1.8, "radius": 1}
    base.box(ax, x - 27, y - tall, 54, tall, **look)
    if weight > 1.5 * before:
        level = y - UNIT * before
        base.line(ax, [(x - 27, level), (x + 27, level)], color="white")
    color = COLORS["ink" if weight else "soft"]
    number = comma(weight) if weight else "0"
    base.text(ax, x, y - tall - 14, number, color=color, ha="center")
