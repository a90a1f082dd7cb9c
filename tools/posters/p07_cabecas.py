"""Infográfico 07: duas relações na mesma lacuna, com uma cabeça e com duas."""

from matplotlib.figure import Figure

from attention_lab.experiments import lesson07
from attention_lab.figures import COLORS, comma
from tools import trained
from tools.posters import base

ID = "07"
FILE = "07_multiplas_cabecas.svg"
SECTION = "07_multi_head_attention"
TRAINED = True
SENTENCE = "loba perto de casas contra gatas"
TOKENS = [*SENTENCE.split(), "___"]
PANEL = base.tint("grid", "mid")


def measure() -> dict:
    """Os leitores do caderno 07, com os mesmos parâmetros, em 1.000 manchetes."""
    headlines = lesson07.fresh_headlines()
    found = {}
    for n_heads, name in [(1, "one"), (2, "two")]:
        reader = trained.headline_reader(n_heads)
        answer, tokens, row = lesson07.read_headline(reader, SENTENCE)
        keep = [i for i, word in enumerate(tokens) if word not in ("<s>", ":")]
        found |= {
            f"{name}_accuracy": list(lesson07.accuracy(reader, headlines).values()),
            f"{name}_answer": answer,
            f"{name}_weights": row[:, keep],
            f"{name}_parameters": sum(p.numel() for p in reader.parameters()),
        }
    two = trained.headline_reader(2)
    without = [lesson07.ablated_accuracy(two, headlines, head) for head in (0, 1)]
    found["two_without"] = [list(scores.values())[:2] for scores in without]
    return base.rounded(**found)


def holds(n: dict) -> bool:
    """Uma cabeça acerta só o verbo; duas, cada uma no seu bicho, acertam os dois."""
    verb, clitic, both = n["one_accuracy"]
    split = sorted(max(range(7), key=lambda i: row[i]) for row in n["two_weights"])
    one = verb > 0.99 and clitic < 0.35 and both < 0.35
    return one and min(n["two_accuracy"]) > 0.99 and split == [0, 5]


def texts(n: dict) -> base.Texts:
    verb, clitic, both = (comma(score) for score in n["one_accuracy"])
    two = comma(n["two_accuracy"][2])
    opponent, subject = n["two_weights"]
    size = comma(n["one_parameters"], 0)
    no_subject, no_opponent = n["two_without"][1], n["two_without"][0]
    return base.Texts(
        title="Uma cabeça aprendeu uma relação; duas, as duas",
        purpose="Mostrar para que servem várias cabeças: cada linha de pesos soma 1, "
        "e duas linhas não disputam o mesmo peso.",
        alt=f"A manchete “{SENTENCE}” lida por dois modelos de {size} parâmetros. Com "
        "uma cabeça, a lacuna olha só para “loba”, e o modelo acerta o verbo e o "
        f"pronome juntos em {both} das manchetes; com duas, cada cabeça olha para um "
        f"dos bichos, e a fração sobe a {two}.",
        long=f"Dois quadros, um sobre o outro, com os tokens “{SENTENCE}” e uma "
        "lacuna no fim, em azul: ela é a consulta. Em cima, 1 cabeça: um arco vai da "
        f"lacuna a “loba”, com peso {comma(n['one_weights'][0][0])}, e a resposta é "
        f"“{n['one_answer']}”: o verbo certo e o pronome errado. Em 1.000 manchetes "
        f"sorteadas à parte, acerta {verb} dos verbos, {clitic} dos pronomes e {both} "
        f"dos pares. Embaixo, 2 cabeças: uma olha para “loba” ({comma(subject[0])}), a "
        f"outra para “gatas” ({comma(opponent[5])}), e a resposta é "
        f"“{n['two_answer']}”, certa; acerta {two} dos pares. Os dois modelos têm "
        f"{size} parâmetros e o mesmo treinamento.",
        notice="As cabeças repartem a largura: o número de parâmetros é o mesmo. O "
        "mapa sozinho não prova para que serve cada uma; a ablação confirma. Sem a "
        f"cabeça que olha para “loba”, o verbo cai a {comma(no_subject[0])} e o "
        f"pronome fica em {comma(no_subject[1])}; sem a outra, o pronome cai a "
        f"{comma(no_opponent[1])} e o verbo fica em {comma(no_opponent[0])}. Diga "
        "“não aprendeu”, e não “não consegue”: com outro peso nas perdas, uma cabeça "
        "vai mais longe.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco, com dois cartões "
        f"cinza-claro empilhados. Em cada um, a fila de caixas “{SENTENCE}” e uma "
        "lacuna azul no fim. Cartão “1 cabeça”: um arco púrpura grosso da lacuna até "
        f"“loba”, com o peso {comma(n['one_weights'][0][0])}. Cartão “2 cabeças”: um "
        "arco por cima até “loba” e outro por baixo até “gatas”. À direita de cada "
        "fila, uma seta até a resposta em duas caixas: “atacou” com ✓ e “-os” com × "
        f"em cima ({verb} e {clitic}); “atacou” e “-as”, as duas com ✓, embaixo. No "
        f"canto direito, a acurácia dos dois juntos, enorme: {both} e {two}. Certo com "
        "✓ e borda verde, errado com × e borda vermelhão tracejada. Título em "
        "negrito: o achado. Evite: cabeças humanas, animais realistas, robôs, "
        "brilhos, texto em inglês, números diferentes destes.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "A lacuna pede um verbo e um pronome; os parâmetros são os mesmos: "
        f"{comma(n['one_parameters'], 0)}",
        "Modelos treinados, semente 0; acurácia em 1.000 manchetes de teste.",
    )
    _reader(ax, 124, 220, 252, "1 cabeça", "one", n)
    _reader(ax, 356, 264, 484, "2 cabeças", "two", n)
    return fig


def _reader(ax, top, height, y, title, name, n):
    """O cartão de um leitor: a manchete, os arcos, a resposta e a acurácia."""
    base.panel(ax, 28, top, 1144, height)
    base.text(ax, 52, top + 28, title, size=17, weight="bold")
    places = [max(range(7), key=lambda i: row[i]) for row in n[f"{name}_weights"]]
    roles = ["k" if i in places else "soft" for i in range(6)] + ["q"]
    solids = [role != "soft" for role in roles]
    xs = base.tokens(ax, 52, y, TOKENS, roles=roles, solids=solids, size=15, pad=14)
    for place, row in zip(places, n[f"{name}_weights"], strict=True):
        side = -1 if place == 0 else 1
        start, end = (xs[-1], y + 26 * side), (xs[place], y + 28 * side)
        apex = y + (-74 if place == 0 else 78)
        base.arc(ax, start, end, top=apex, lw=base.arc_width(row[place]))
        middle = (xs[-1] + xs[place]) / 2
        look = {"size": 17, "weight": "bold", "ha": "center", "on": PANEL}
        at = apex if place == 0 else apex + 26
        base.text(ax, middle, at, comma(row[place]), **look)
    verb, clitic, both = n[f"{name}_accuracy"]
    word, pronoun = n[f"{name}_answer"].split("-")
    base.arrow(ax, (xs[-1] + 34, y), (732, y), lw=3)
    for x, width, part, what, score in [
        (802, 124, word, "verbo", verb),
        (924, 100, f"-{pronoun}", "pronome", clitic),
    ]:
        right = score > 0.99
        role, sign = ("v", "✓") if right else ("error", "×")
        look = {"role": role, "width": width, "dashed": not right, "size": 16}
        base.token(ax, x, y, f"{part} {sign}", **look)
        base.text(ax, x, y + 43, what, color=COLORS["soft"], ha="center")
        base.text(ax, x, y + 73, comma(score), size=15, weight="bold", ha="center")
    base.text(ax, 1072, y - 10, comma(both), size=44, weight="bold", ha="center")
    base.text(ax, 1072, y + 50, "os dois certos", ha="center")
