"""Infográfico 06: o mesmo modelo sem a máscara causal, que copia, e com ela."""

import numpy as np
from matplotlib.figure import Figure

from attention_lab.experiments import lesson06
from attention_lab.figures import COLORS, comma
from attention_lab.grammar import LANGUAGE_VOCABULARY
from tools import trained
from tools.posters import base

ID = "06"
FILE = "06_mascara_causal.svg"
SECTION = "06_mascara_causal"
TRAINED = True
SENTENCE = "<s> o gato estava quieto"
TOKENS = SENTENCE.split()
FUTURE = np.triu(np.ones((5, 5), dtype=bool), 1)
CELL, TOP = (92, 43), 200  # px


def measure() -> dict:
    """Os modelos do caderno 06: pesos numa frase e perdas em 300 frases de teste."""
    test = lesson06.held_out()
    ids = LANGUAGE_VOCABULARY.encode(SENTENCE)
    found = {"floor": lesson06.exact_loss(test)}
    for name, causal in [("leaky", False), ("masked", True)]:
        model = trained.language_model(causal, 0)
        sentences = lesson06.sample_sentences(model, 200)
        found |= {
            f"{name}_weights": model.attention_weights(ids[None])[0, 0, 0],
            f"{name}_loss": lesson06.teacher_forced_loss(model, test),
            f"{name}_prefix_loss": lesson06.prefix_loss(model, test),
            f"{name}_accepted": lesson06.grammatical_rate(sentences),
            f"{name}_next": lesson06.next_token_weight(model, test),
        }
    return base.rounded(**found)


def holds(n: dict) -> bool:
    """Sem máscara, o peso vai ao token seguinte, e a perda só é boa com o futuro."""
    copies = min(n["leaky_next"]) > 0.5 and n["leaky_loss"] < n["floor"] / 10
    honest = n["floor"] < n["masked_loss"] < n["floor"] + 0.15
    same = abs(n["masked_loss"] - n["masked_prefix_loss"]) <= 0.01
    return copies and honest and same and n["leaky_prefix_loss"] > n["floor"] + 2


def texts(n: dict) -> base.Texts:
    floor, seen = comma(n["floor"]), comma(n["leaky_loss"])
    alone, honest = comma(n["leaky_prefix_loss"]), comma(n["masked_loss"])
    share = comma(n["leaky_next"][0])
    cat = comma(n["leaky_weights"][1][2])
    copies = "; ".join(comma(n["leaky_weights"][i][i + 1]) for i in range(4))
    good, bad = comma(n["masked_accepted"]), comma(n["leaky_accepted"])
    return base.Texts(
        title="Sem a máscara causal, o modelo copia a resposta",
        purpose="Mostrar por que o futuro se esconde no treinamento, e como: um "
        "escore de −∞ vira um peso de atenção 0.",
        alt="Dois mapas de pesos de atenção, de modelos treinados sem e com máscara "
        f"causal. Sem ela, {share} do peso, em média, vai ao token seguinte, que é a "
        f"resposta: a perda é {seen} com o futuro à vista e {alone} sem ele; com ela, "
        f"{honest} nos dois casos, um pouco acima do piso de {floor}.",
        long="Em cima, dois mapas de 5 por 5, com a consulta na linha e a chave na "
        "coluna, na frase “<s> o gato estava quieto”. À esquerda, sem máscara, os "
        f"pesos altos ficam uma casa à direita da diagonal: a linha de “o” dá {cat} a "
        "“gato”, o token que ela devia prever; essas casas têm um contorno "
        "vermelhão. À direita, com máscara, o triângulo do futuro está hachurado: o "
        "escore é −∞, e o peso, 0. Embaixo, uma régua da perda em 300 frases de "
        f"teste, em nats por token, com o piso exato dessas frases em {floor}; a zona "
        "abaixo dele, em tom claro, diz “vendo a resposta”. Sem máscara, marcada com "
        f"×, a perda vai de {seen}, vendo o futuro, a {alone}, ao escrever, quando o "
        "modelo só recebe o que já foi escrito. Com máscara, um disco: as duas "
        f"medidas dão {honest}.",
        notice=f"Uma perda de {seen}, abaixo do piso de {floor}, não é talento: é "
        "vazamento. Ao escrever, a casa da direita ainda não existe. De 200 frases "
        f"que cada modelo escreve, a gramática aceita {bad} das do primeiro e {good} "
        "das do segundo. A última linha do mapa da esquerda não tem token seguinte "
        "para copiar, e o seu peso vai a outro lugar.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco, limpo. Em cima, "
        "dois mapas de calor 5 × 5 lado a lado, do branco ao roxo profundo, com os "
        "números nas células e os nomes das linhas (<s>, o, gato, estava, quieto) só "
        "uma vez, no vão entre os dois. À esquerda, “Sem máscara”, com um × "
        f"vermelhão: as quatro células logo acima da diagonal são escuras ({copies}), "
        "com contorno da mesma cor. À direita, “Com máscara”, com um disco preto: o "
        "triângulo de cima é hachurado em cinza, com a etiqueta “escore −∞ → peso "
        "0”. Embaixo, uma régua horizontal da perda, de 0 a 6 nats por token: zona "
        f"clara, “vendo a resposta”, de 0 ao piso {floor}; um × em {seen}, “vendo o "
        f"futuro”, e outro em {alone}, “ao escrever”, ligados por uma seta em arco; "
        f"um disco em {honest}, “com máscara”. Título em negrito: o achado. Evite: "
        "cadeados, olhos, robôs, brilhos, texto em inglês, números diferentes destes.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "Contorno: o token seguinte, que cada linha deveria prever",
        "Modelos treinados, primeira cabeça; nats por token.",
    )
    for x, name, part in [(48, "Sem máscara", "leaky"), (692, "Com máscara", "masked")]:
        base.text(ax, x + 30, 147, name, size=17, weight="bold")
        blocked = FUTURE if part == "masked" else None
        style = {"cell": CELL, "blocked": blocked, "size": 14}
        base.matrix(ax, x, TOP, n[f"{part}_weights"], **style)
        for j, word in enumerate(TOKENS):
            middle = x + (j + 0.5) * CELL[0]
            base.text(ax, middle, TOP - 13, word, size=14, ha="center", va="baseline")
    _cross(ax, 58, 149)
    _disc(ax, 702, 149)
    width, height = CELL
    for i in range(4):
        corner = (48 + (i + 1) * width + 1, TOP + i * height + 1)
        look = {"role": "error", "face": "none", "lw": 4, "radius": 2, "zorder": 5}
        base.box(ax, *corner, width - 2, height - 2, **look)
    for i, word in enumerate(TOKENS):
        base.text(ax, 600, TOP + (i + 0.5) * height, word, size=14, ha="center")
    for y, name in [(147, "chaves →"), (TOP - 16, "consultas ↓")]:
        base.text(ax, 600, y, name, color=COLORS["soft"], ha="center")
    look = {"size": 15, "weight": "bold", "ha": "center", "on": "white"}
    base.text(ax, 692 + 3.5 * width, TOP + height, "escore −∞ → peso 0", **look)
    _ruler(ax, n)
    return fig


def _ruler(ax, n):
    """A perda em uma régua: o piso, a zona de quem vê a resposta e os dois modelos."""
    y, start, unit = 556, 60, 180
    floor, seen, alone, honest = (
        start + unit * n[name]
        for name in ("floor", "leaky_loss", "leaky_prefix_loss", "masked_loss")
    )
    zone = {"role": "error", "face": base.tint("error"), "lw": 0, "radius": 0}
    base.box(ax, start, y - 40, floor - start, 40, **zone)
    base.text(ax, (start + floor) / 2, y - 20, "vendo a resposta", ha="center")
    base.arrow(ax, (start, y), (1152, y))
    base.text(ax, 1152, y - 22, "perda", ha="right", color=COLORS["soft"])
    base.line(ax, [(floor, y - 46), (floor, y)], color=COLORS["ink"])
    base.text(ax, floor, y - 62, f"piso {comma(n['floor'])}", ha="center")
    error = COLORS["error"]
    base.arc(ax, (seen, y - 14), (alone, y - 14), top=y - 108, color=error, lw=4)
    _cross(ax, seen, y)
    _cross(ax, alone, y)
    _disc(ax, honest, y)
    for x, loss, name, ha in [
        (48, "leaky_loss", "vendo o futuro", "left"),
        (honest - 10, "masked_loss", "com máscara", "left"),
        (1152, "leaky_prefix_loss", "ao escrever", "right"),
    ]:
        words = f"{comma(n[loss])} {name}"
        base.text(ax, x, y + 32, words, size=15, weight="bold", ha=ha)


def _cross(ax, x, y):
    """A marca do modelo sem máscara."""
    for side in (-9, 9):
        ends = [(x - 9, y - side), (x + 9, y + side)]
        base.line(ax, ends, color=COLORS["error"], lw=5)


def _disc(ax, x, y):
    """A marca do modelo com máscara."""
    base.box(ax, x - 10, y - 10, 20, 20, role="ink", face=COLORS["ink"], radius=10)
