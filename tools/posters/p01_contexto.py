"""Infográfico 01: por que o contexto tem de ser global."""

from matplotlib.figure import Figure

from attention_lab.experiments import lesson01
from attention_lab.figures import COLORS, comma
from attention_lab.grammar import agreement
from tools.posters import base

ID = "01"
FILE = "01_contexto_global.svg"
SECTION = "01_o_problema_do_contexto"
WINDOW, DISTANCE = 4, 8  # palavras na janela; palavras entre o sujeito e o verbo
DISTANCES = range(13)
NEAR_FAR = [4, 8, 12, 16, 20]


def measure() -> dict:
    """Acurácia da janela a cada distância; gradiente no sujeito sem treinar."""
    window = [
        lesson01.WindowModel(agreement(4000, d, seed=0), WINDOW).accuracy(
            agreement(400, d, seed=1000)
        )
        for d in DISTANCES
    ]
    gradients = {}
    for kind in ("atenção", "LSTM"):
        rows = [lesson01.gradient_by_distance(kind, NEAR_FAR, seed=s) for s in range(3)]
        gradients[kind] = [1.0] + [sum(column) / 3 for column in zip(*rows)]
    sentence = agreement(60, DISTANCE, seed=3)
    return {
        "words": sentence.text(28).split()[1:],
        "verb": sentence.answer_text(28),
        "window": [round(a, 2) for a in window],
        "attention": [round(g, 2) for g in gradients["atenção"]],
        "lstm": [round(g, 6) for g in gradients["LSTM"]],
    }


def texts(n: dict) -> base.Texts:
    near, far = comma(n["window"][WINDOW - 1]), comma(n["window"][DISTANCE])
    lstm, attention = comma(n["lstm"][-1], 4), comma(n["attention"][-1])
    chance = comma(1 / 12)
    phrase = " ".join(n["words"][:-1])
    return base.Texts(
        title=f"Fora da janela, o verbo vira chute: {near} → {far}",
        purpose="Mostrar por que um modelo de linguagem precisa do contexto "
        "inteiro, e não só das palavras próximas.",
        alt=f"Frase “{phrase} ___” e dois gráficos: a janela de {WINDOW} palavras "
        f"acerta {near} até {WINDOW - 1} palavras de distância e {far} a {DISTANCE}; "
        f"a {NEAR_FAR[-1]} palavras, antes do treinamento, sobra {attention} do "
        f"gradiente na atenção e {lstm} na LSTM.",
        long=f"Em cima, a frase em caixas: “{phrase}” e uma lacuna azul, onde vai "
        f"“{n['verb']}”. Uma seta leva da lacuna ao sujeito, “{n['words'][0]}”, em "
        f"laranja, com {DISTANCE} palavras no meio. A janela de {WINDOW} palavras "
        "cerca só as últimas, e o sujeito fica fora. Embaixo, à esquerda, a acurácia "
        f"da janela contra a distância do sujeito: {near} até {WINDOW - 1} palavras, "
        f"e daí em diante perto do acaso, {chance}. À direita, em escala logarítmica, "
        "o gradiente no sujeito antes do treinamento (distância 0 vale 1): a "
        f"{NEAR_FAR[-1]} palavras, a LSTM fica com {lstm}, e a atenção, com "
        f"{attention}.",
        notice="A queda da janela é um degrau: quando o sujeito sai dela, nada do "
        "que ficou informa o verbo. Na rede recorrente o sujeito entra na conta, mas "
        "o sinal encolhe a cada palavra. Na atenção o caminho tem um passo, a "
        "qualquer distância. O gradiente é o de antes do treinamento, com a "
        "inicialização padrão do PyTorch: diz por onde se começa, e não o que se "
        "aprende.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco. No alto, título em "
        f"negrito (o achado). Uma fila de caixas arredondadas com a frase “{phrase}” "
        f"e uma lacuna azul; “{n['words'][0]}” em laranja; um arco longo da lacuna "
        f"até ela, com o rótulo “{DISTANCE} palavras no meio”; um colchete vermelhão "
        f"sob as últimas {WINDOW} caixas, “janela de {WINDOW}”. Embaixo, dois "
        "gráficos limpos lado a lado: à esquerda, uma linha vermelhão em degrau, de "
        f"{near} a {far}, com a reta tracejada do acaso ({chance}); à direita, eixo "
        f"logarítmico, linha púrpura da atenção (termina em {attention}) e linha "
        f"tracejada da LSTM (termina em {lstm}). Letras sem serifa grandes, vírgula "
        "decimal. Evite: lobos desenhados, lupas, ícones, 3D, legendas longe das "
        "linhas, números inventados.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "O sujeito decide o verbo, e pode estar longe",
        "Janela: 400 frases por distância. Gradiente: modelos não treinados, com a "
        "inicialização padrão, três sementes.",
    )
    words = n["words"]
    roles = ["k", *["ink"] * (len(words) - 2), "q"]
    solids = [True, *[False] * (len(words) - 2), True]
    looks = {"roles": roles, "solids": solids, "size": 15, "gap": 18, "pad": 25}
    words = [*words[:-1], "?"]
    x = base.tokens(ax, 48, 236, words, **looks)
    base.arc(ax, (x[-1], 208), (x[0] + 6, 208), top=150, color=COLORS["soft"], lw=2.5)
    middle = (x[0] + x[-1]) / 2
    base.text(
        ax, middle, 150, f"{DISTANCE} palavras no meio", ha="center", size=15,
        weight="bold", on="white",
    )  # fmt: skip
    left, right = x[-1 - WINDOW] - 38, x[-2] + 50
    base.line(
        ax,
        [(left, 266), (left, 278), (right, 278), (right, 266)],
        color=COLORS["error"],
        lw=3,
    )
    base.text(
        ax, (left + right) / 2, 298, f"janela de {WINDOW}", ha="center", size=15,
        weight="bold",
    )  # fmt: skip
    _steps(ax, n)
    _gradients(ax, n)
    return fig


def _steps(ax, n):
    base.text(ax, 48, 352, "acurácia da janela", size=15, weight="bold")
    ticks = {0: "0", 4: "4", 8: "8 palavras", 12: "12"}
    place = base.chart(
        ax, 96, 390, 430, 184, xticks=ticks, yticks={0: "0", 0.5: "0,5", 1: "1"}
    )
    points = [place(d, a) for d, a in zip(DISTANCES, n["window"])]
    chance = [place(0, 1 / 12), place(12, 1 / 12)]
    base.line(ax, chance, dashed=True, lw=1.5)
    base.text(ax, 104, chance[0][1] - 16, "acaso", color=COLORS["soft"])
    base.line(ax, points, color=COLORS["error"], lw=3)
    base.dots(ax, points, color=COLORS["error"])
    style = {"size": 17, "weight": "bold", "on": "white"}
    x, y = place(WINDOW - 1, n["window"][WINDOW - 1])
    base.text(ax, x + 16, y, comma(n["window"][WINDOW - 1]), **style)
    x, y = place(DISTANCE, n["window"][DISTANCE])
    base.text(ax, x, y - 24, comma(n["window"][DISTANCE]), ha="center", **style)


def _gradients(ax, n):
    base.text(ax, 640, 352, "gradiente no sujeito", size=15, weight="bold")
    ticks = {0: "0", 4: "4", 12: "12 palavras", 20: "20"}
    levels = {1: "1", 0.01: "0,01", 0.0001: "0,0001"}
    place = base.chart(
        ax, 712, 390, 326, 184, xticks=ticks, yticks=levels | {0.00001: ""}, log_y=True
    )
    for name, key, color, shape in (
        ("atenção", "attention", COLORS["weights"], "o"),
        ("LSTM", "lstm", COLORS["soft"], "s"),
    ):
        points = [place(d, g) for d, g in zip([0, *NEAR_FAR], n[key])]
        base.line(ax, points, color=color, lw=3, dashed=shape == "s")
        base.dots(ax, points, color=color, shape=shape)
        decimals = 2 if key == "attention" else 4
        at = points[-1]
        base.text(ax, at[0] + 14, at[1] - 14, name, size=14, weight="bold")
        base.text(ax, at[0] + 14, at[1] + 14, comma(n[key][-1], decimals), size=15)
