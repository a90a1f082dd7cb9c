"""Infográfico 08: o bloco do GPT treinado, e quem nele mistura os tokens."""

import torch
from matplotlib.figure import Figure

from attention_lab.experiments import lesson06, lesson08
from attention_lab.figures import COLORS, comma
from attention_lab.grammar import LANGUAGE_VOCABULARY
from tools import trained
from tools.posters import base

ID = "08"
FILE = "08_bloco_do_transformer.svg"
SECTION = "08_atencao_no_transformer"
TRAINED = True
SENTENCE = "<s> as porcas que o leão viu"
TOKENS = SENTENCE.split()
LOOKS = [(0, 1), (3, 2)]  # (cabeça, token): os dois maiores pesos da linha de "viu"
XS = [92 + 92 * i for i in range(7)]  # as peças, em px
STREAM, BAND = 30, (392, 506)  # do centro ao fluxo; o alto e o pé da atenção
NAME, GRID = 722, 846  # onde começam os nomes das peças e as grades


def measure() -> dict:
    """O GPT do caderno 08: a última linha, quem muda quem, a perda e as frases."""
    model = trained.gpt(0)
    ids = LANGUAGE_VOCABULARY.encode(SENTENCE)[None]
    with torch.no_grad():
        probs, best = torch.softmax(model(ids)[0][0, -1], -1).topk(3)
    block, fresh = model.blocks[0], lesson08.held_out_sentences()
    pieces = {
        "norm": block.norm_1,
        "attention": lambda x: block.attention(x)[0],
        "mlp": block.mlp,
    }
    return base.rounded(
        weights=model.attention_weights(ids)[0, 0, :, -1],  # (4 cabeças, 7)
        words=[LANGUAGE_VOCABULARY.words[i] for i in best],
        probs=probs,
        reach={name: who_changes(f).int().tolist() for name, f in pieces.items()},
        loss=lesson06.teacher_forced_loss(model, fresh),
        floor=lesson06.exact_loss(fresh),
        accepted=lesson06.grammatical_rate(lesson08.write_sentences(model)),
        parameters=sum(p.numel() for p in model.parameters()),
    )


@torch.no_grad()
def who_changes(piece, T: int = 7):
    """(T, T): True na linha i, coluna j, se mexer no token j muda a saída i."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, T, 48, generator=generator)
    columns = []
    for j in range(T):
        moved = x.clone()
        moved[0, j] += torch.randn(48, generator=generator)
        columns.append((piece(moved) - piece(x))[0].abs().amax(-1) > 1e-6)
    return torch.stack(columns, dim=1)


def others(table) -> int:
    """Quantos pares de tokens diferentes há em ``who_changes``."""
    return sum(map(sum, table)) - len(table)


def holds(n: dict) -> bool:
    """Só a atenção tem pares fora da diagonal; a perda fica perto do piso."""
    pairs = {name: others(table) for name, table in n["reach"].items()}
    near = n["floor"] <= n["loss"] < n["floor"] + 0.04
    return pairs == {"norm": 0, "attention": 21, "mlp": 0} and near


def texts(n: dict) -> base.Texts:
    article, noun = (comma(n["weights"][head][j]) for head, j in LOOKS)
    words = "; ".join(
        f"“{word}”, {comma(p)}" for word, p in zip(n["words"], n["probs"], strict=True)
    )
    loss, floor = comma(n["loss"]), comma(n["floor"])
    accepted, pairs = comma(n["accepted"]), others(n["reach"]["attention"])
    size = comma(n["parameters"], 0)
    return base.Texts(
        title="No GPT, só a atenção leva informação entre tokens",
        purpose="Situar a atenção no bloco do Transformer: ela mistura os tokens; a "
        "LayerNorm e o MLP tratam cada um sozinho.",
        alt="Diagrama do bloco de um GPT lendo “as porcas que o leão viu”. Ao mexer "
        f"em um token, a atenção muda outros em {pairs} pares; a LayerNorm e o MLP, "
        f"em nenhum. Treinado, o modelo tem perda {loss}, com piso {floor} nas "
        f"mesmas frases, e a gramática aceita {accepted} das frases que ele escreve.",
        long="Sete colunas sobem, uma por token de “<s> as porcas que o leão viu”: "
        "são os fluxos residuais. De baixo para cima, cada um passa por LayerNorm, "
        "Atenção, uma soma, LayerNorm, MLP e outra soma. LayerNorm e MLP são uma "
        "caixa por coluna; a Atenção é uma faixa só, que cruza todas. Nela, duas "
        f"setas grossas chegam à coluna de “viu”: de “as”, com peso {article}, em uma "
        f"cabeça, e de “porcas”, com {noun}, em outra. No alto, depois de uma última "
        f"LayerNorm, o que “viu” prevê: {words}. À direita, três quadros 7 por 7 de "
        "quem muda quem (coluna, o token em que se mexe; linha, a saída que muda): "
        f"LayerNorm e MLP só têm a diagonal; a Atenção tem também os {pairs} pares "
        f"abaixo dela. No canto, a perda em frases de teste, {loss} nats por token, e "
        f"o piso dessas frases, {floor}; das 500 frases que o modelo escreve, "
        f"{accepted} são gramaticais. Ele tem 1 bloco e {size} parâmetros.",
        notice="Quem prevê a palavra seguinte é a última coluna, a de “viu”, e os "
        "verbos mais prováveis estão no plural, como “porcas”, e não no singular de "
        "“leão”, que está mais perto. As duas cabeças foram escolhidas entre quatro, "
        "depois de ver todas: isso ilustra, não prova. Cada peça soma uma correção "
        "ao fluxo; nenhuma o substitui.",
        prompt="Infográfico horizontal, 1200 × 675, fundo branco, como um diagrama "
        "técnico elegante. À esquerda, sete linhas verticais paralelas que sobem dos "
        "tokens <s>, as, porcas, que, o, leão, viu; em cada uma, de baixo para cima: "
        "um desvio por uma caixa LayerNorm, uma faixa púrpura larga de Atenção que "
        "cruza todas as colunas, uma soma (+), outro desvio por LayerNorm e MLP, "
        "outra soma. Na faixa, linhas finas de cada token aos que vêm depois, e duas "
        f"setas grossas que chegam a “viu”: de “as” ({article}) e de “porcas” "
        f"({noun}). A coluna de “viu” é azul; no alto dela, a previsão: {words}. Ao "
        "lado de cada peça, uma grade 7 × 7: só a diagonal em LayerNorm e MLP, o "
        f"triângulo inteiro na Atenção, com {pairs} pares. No canto direito, dois "
        f"números grandes: perda {loss} (piso {floor}) e {accepted} de frases "
        "gramaticais. Título em negrito: o achado. Evite: robôs, cérebros, circuitos "
        "brilhantes, texto em inglês, números diferentes destes.",
    )


def draw(n: dict) -> Figure:
    fig, ax = base.poster(
        texts(n).title,
        "As outras peças tratam cada token sozinho",
        "Modelo treinado, de 1 bloco; os pesos são de duas das suas quatro cabeças.",
    )
    _streams(ax)
    _attention(ax, n)
    words = "   ".join(f"{w} {comma(p)}" for w, p in zip(n["words"], n["probs"]))
    base.box(ax, 244, 130, 460, 42, role="q")
    base.text(ax, 474, 151, words, size=14, ha="center")
    base.text(ax, 230, 151, "“viu” prevê", size=14, ha="right", color=COLORS["soft"])
    base.text(ax, 48, 182, "fluxos residuais", color=COLORS["soft"])
    base.text(ax, GRID + 77, 214, "coluna muda linha", ha="right", color=COLORS["soft"])
    base.text(ax, NAME, 326, "LayerNorm", size=14, weight="bold")
    for y, name, piece in [
        (272, "MLP", "mlp"),
        (449, "Atenção", "attention"),
        (548, "LayerNorm", "norm"),
    ]:
        table = n["reach"][piece]
        base.matrix(ax, GRID, y - 38, table, cell=(11, 11), decimals=None)
        base.text(ax, NAME, y - 12, name, size=14, weight="bold")
        base.text(ax, NAME, y + 12, f"{others(table)} pares")
    base.panel(ax, 968, 196, 204, 408)
    for y, number, lines in [
        (270, comma(n["loss"]), ["perda", f"(piso {comma(n['floor'])})"]),
        (464, comma(n["accepted"]), ["de frases", "gramaticais"]),
    ]:
        base.text(ax, 1070, y, number, size=40, weight="bold", ha="center")
        for k, line in enumerate(lines):
            base.text(ax, 1070, y + 54 + 28 * k, line, size=14, ha="center")
    return fig


def _streams(ax):
    """Os fluxos residuais, e as peças que somam a cada um uma correção."""
    base.box(ax, 48, BAND[0], 656, BAND[1] - BAND[0], role="weights", zorder=1)
    for x, word in zip(XS, TOKENS, strict=True):
        stream, role = x + STREAM, "q" if word == "viu" else "soft"
        pipe = base.tint("q", "mid") if role == "q" else COLORS["grid"]
        base.token(
            ax, x + 8, 600, word, role=role, solid=role == "q", width=84, height=36
        )
        base.line(ax, [(stream, 582), (stream, 202)], color=pipe, lw=6)
        for start, low, high in [(565, BAND[1], 372), (354, 294, 222)]:
            branch = [(stream, start), (x, start), (x, low)]
            base.line(ax, branch, color=COLORS[role])
            top = BAND[0] if high == 372 else 250
            base.line(ax, [(x, top), (x, high), (stream, high)], color=COLORS[role])
            _sum(ax, stream, high, role)
        for y, height in [(537, 26), (326, 26), (272, 44)]:
            corner = (x - 22, y - height / 2)
            look = {"role": role, "radius": 6, "zorder": 4}
            base.box(ax, *corner, 44, height, **look)
    last = XS[-1] + STREAM
    look = {"ha": "right", "color": COLORS["soft"]}
    base.text(ax, last - 14, 188, "última LayerNorm", **look)
    base.arrow(ax, (last, 208), (last, 174), color=COLORS["q"], lw=4)


def _sum(ax, x, y, role):
    """O sinal de soma, em um disco sobre o fluxo."""
    look = {"role": role, "face": "white", "lw": 1.8, "radius": 12, "zorder": 4}
    base.box(ax, x - 12, y - 12, 24, 24, **look)
    base.text(ax, x, y, "+", size=12, weight="bold", ha="center")


def _attention(ax, n):
    """De cada token aos que podem olhar para ele; grossas, as duas medidas."""
    top, bottom = BAND
    for i in range(7):
        for j in range(i + 1):
            pale = base.tint("weights", "mid")
            base.line(ax, [(XS[j], bottom), (XS[i], top)], color=pale, lw=1.2)
    for (head, j), share, up in zip(LOOKS, (0.5, 0.36), (22, -21), strict=True):
        weight, end = n["weights"][head][j], XS[-1]
        look = {"color": COLORS["weights"], "lw": base.arc_width(weight) / 2}
        base.arrow(ax, (XS[j], bottom), (end, top), **look)
        x, y = XS[j] + share * (end - XS[j]), bottom - share * (bottom - top)
        look = {"weight": "bold", "ha": "center", "on": base.tint("weights")}
        base.text(ax, x, y - up, comma(weight), **look)
