"""Infográfico 05: treinada só para acertar o verbo, a cabeça acha o sujeito."""

from statistics import mean

from matplotlib.figure import Figure

from attention_lab.experiments import lesson05
from attention_lab.figures import comma
from tools import trained
from tools.posters import base

ID = "05"
FILE = "05_pesos_treinaveis.svg"
SECTION = "05_pesos_treinaveis"
TRAINED = True
SEEDS = (0, 1, 2)
SENTENCE = "loba que lobos viram diante de gato"


def measure() -> dict:
    """A linha da lacuna, antes e depois: uma frase, e a média de três sementes."""
    before = [lesson05.new_reader(seed=seed) for seed in SEEDS]
    after = [trained.agreement_reader()]
    for seed in SEEDS[1:]:
        after.append(lesson05.new_reader(seed=seed))
        lesson05.teach(after[-1], seed=seed)
    measured = {}
    for when, readers in (("before", before), ("after", after)):
        answer, tokens, weights = lesson05.read_sentence(readers[0], SENTENCE)
        totals = [
            lesson05.measure(reader, lesson05.fresh_sentences(seed=seed))
            for seed, reader in zip(SEEDS, readers)
        ]
        measured[f"{when}_row"] = weights[-1]
        measured[f"{when}_answer"] = answer
        measured[f"{when}_subject"] = mean(total["sujeito"] for total in totals)
        measured[f"{when}_attractors"] = mean(
            total["animados"] + total["inanimados"] for total in totals
        )
        measured[f"{when}_accuracy"] = mean(total["acurácia"] for total in totals)
    return base.rounded(tokens=tokens, **measured)


def holds(n: dict) -> bool:
    """O que o título afirma: depois do treinamento, quase todo o peso é do sujeito."""
    return n["before_subject"] < 0.3 and n["after_subject"] > 0.95


def texts(n: dict) -> base.Texts:
    before, after = comma(n["before_subject"]), comma(n["after_subject"])
    accuracy = [comma(n[f"{when}_accuracy"]) for when in ("before", "after")]
    attractors = comma(n["after_attractors"])
    old = "; ".join(comma(w) for w in n["before_row"])
    new = "; ".join(comma(w) for w in n["after_row"])
    return base.Texts(
        title=f"O treinamento leva a atenção ao sujeito: {before} → {after}",
        purpose="Mostrar que a atenção se aprende: a mesma frase, antes e depois do "
        "treinamento.",
        alt=f"Duas filas com os tokens de “{SENTENCE} ___” e arcos que saem da "
        "lacuna: antes do treinamento, espalhados (“loba” recebe "
        f"{comma(n['before_row'][1])}); depois, um arco grosso até “loba” "
        f"({comma(n['after_row'][1])}). Em três sementes, o sujeito passa de {before} "
        f"a {after} do peso.",
        long="Duas filas iguais de caixas, uma acima da outra: início da frase "
        f"(<s>), “{SENTENCE}” e uma lacuna azul. Na de cima, antes do treinamento, "
        f"oito arcos finos saem da lacuna, com pesos parecidos: {old}. Na de baixo, "
        "depois do treinamento, um arco grosso vai até “loba”, em laranja; os pesos "
        f"são {new}. À direita, as médias de três sementes, com 600 frases de outro "
        f"sorteio em cada: o peso no sujeito vai de {before} a {after}, e a acurácia "
        f"do verbo, de {accuracy[0]} a {accuracy[1]}; os atratores, juntos, ficam com "
        f"{attractors}.",
        notice="Só o verbo foi cobrado; ninguém disse onde está o sujeito. “lobos” é "
        "o mesmo bicho, em outro gênero e outro número, e está mais perto: não recebe "
        "quase nada. Nesta língua de brinquedo o sujeito é sempre o primeiro bicho da "
        "frase, e a cabeça pode ter aprendido só isso.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco, duas faixas "
        "empilhadas: “antes, não treinado” e “depois, treinado”. Em cada faixa, a "
        f"mesma fila de caixas arredondadas: <s> {SENTENCE} e uma lacuna azul; “loba” "
        "em laranja. Em cima das caixas, arcos púrpura da lacuna a cada token, de "
        f"espessura proporcional ao peso, e os números embaixo das caixas: {old} na "
        f"primeira; {new} na segunda. À direita de cada faixa, um número grande: "
        f"{before} e {after}, com a legenda “no sujeito”. Título em negrito no alto. "
        "Letras sem serifa, vírgula decimal, muito branco. Evite: lobos desenhados, "
        "redes de neurônios, brilhos, texto em inglês, números diferentes destes.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "Só o verbo foi cobrado; ninguém disse onde está o sujeito",
        "Médias de três sementes, 600 frases em cada; treinado em 300 passos.",
    )
    _row(
        ax,
        136,
        "antes: não treinado",
        n["tokens"],
        n["before_row"],
        n["before_subject"],
    )
    _row(ax, 386, "depois: treinado", n["tokens"], n["after_row"], n["after_subject"])
    return fig


def _row(ax, top, name, words, row, share):
    base.panel(ax, 48, top, 1104, 236)
    y, words = top + 164, [*words[:-1], "?"]
    roles = ["soft", "k", *["ink"] * (len(words) - 3), "q"]
    solids = [word in ("loba", "?") for word in words]
    looks = {"roles": roles, "solids": solids, "gap": 13, "pad": 18, "height": 46}
    x = base.tokens(ax, 72, y, words, **looks)
    low, gap = y - 26, x[-1]
    for j in sorted(range(len(x) - 1), key=lambda j: row[j]):
        if row[j] < 0.005:  # o que se escreve 0,00 não leva arco
            continue
        peak = low - 30 - 86 * (gap - x[j]) / (gap - x[0])
        start = (gap - 3 * (len(x) - 1 - j) + 12, low)
        base.arc(ax, start, (x[j], low), top=peak, lw=base.arc_width(row[j]))
    for j in range(len(x) - 1):
        bold = "bold" if words[j] == "loba" else "normal"
        base.text(ax, x[j], y + 42, comma(row[j]), ha="center", size=14, weight=bold)
    base.text(ax, 1014, top + 56, name, size=15, weight="bold", ha="center")
    base.text(ax, 1014, top + 118, comma(share), size=42, weight="bold", ha="center")
    base.text(ax, 1014, top + 174, "no sujeito, em média", size=14, ha="center")
