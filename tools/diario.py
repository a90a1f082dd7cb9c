"""Escreve em diario.md os números medidos, calculados com o código do curso.

    python tools/diario.py          calcula tudo e reescreve os números (alguns minutos)
    python tools/diario.py --check  só confere; diz quais diferem e sai com 1

No texto, um número medido fica entre dois comentários, que não aparecem no GitHub:
``<!--m:nome-->0,93<!--/-->``. O nome é uma chave de ``QUICK``, que se calcula na hora,
ou de ``SLOW``, que treina ou demora. Um limite, como em "mais de 0,9", também é
calculado: se a medida o desmente, sai a medida no lugar dele. O endereço e o texto
alternativo das imagens vêm dos infográficos.
"""

import argparse
import inspect
import math
import re
import sys
from functools import cache
from pathlib import Path
from statistics import mean

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from attention_lab import attention, causal_mask, dot_scores, self_attention  # noqa: E402
from attention_lab.efficient import tiled_attention  # noqa: E402
from attention_lab.experiments import (  # noqa: E402
    lesson01,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
)
from attention_lab.figures import comma  # noqa: E402
from attention_lab.grammar import (  # noqa: E402
    LEAKY,
    LEXICON,
    agreement,
    facts,
    induction,
    language_entropy,
)
from attention_lab.layers import GPT, GPTConfig, ablate  # noqa: E402
from tools import trained  # noqa: E402

PAGE = ROOT / "diario.md"
MARK = re.compile(r"<!--m:(\w+)-->(.*?)<!--/-->")
IMAGE = re.compile(r"!\[[^\]]*\]\(infograficos/(\w+?)_[^)]*\)")
SEEDS = range(3)


# --- Como um número se escreve --------------------------------------------------------


def above(bound: float, *values) -> str:
    """O limite, se todos passam dele; senão, o menor dos valores.

    >>> above(0.9, 0.95, 1.0), above(0.9, 0.876)
    ('0,9', '0,876')
    """
    lowest = min(float(value) for value in values)
    return _plain(bound) if lowest > bound else comma(lowest, 3)


def below(bound: float, *values) -> str:
    """O limite, se todos ficam abaixo dele; senão, o maior dos valores.

    >>> below(0.0005, 1e-4), below(0.2, 0.25, 0.1)
    ('0,0005', '0,250')
    """
    highest = max(float(value) for value in values)
    return _plain(bound) if highest < bound else comma(highest, 3)


def _plain(bound: float) -> str:
    return f"{bound:f}".rstrip("0").rstrip(".").replace(".", ",")


def percent(*values) -> list[float]:
    """Frações em porcentagem.

    >>> percent(0.5, 0.25)
    [50.0, 25.0]
    """
    return [100 * float(value) for value in values]


def words(text: str, holds: bool, value) -> str:
    """A medida por extenso, se vale; senão, o número.

    >>> words("um oitavo", True, 0.125), words("um oitavo", False, 0.3)
    ('um oitavo', '0,300')
    """
    return text if holds else comma(value, 3)


def row(values, decimals: int = 2, last: str = "; ") -> str:
    """Uma lista de números; last separa o último.

    >>> row([0.5, 0.25], 2), row([2, -1, 0], 0, last=" e ")
    ('0,50; 0,25', '2; −1 e 0')
    """
    *rest, end = [comma(value, decimals) for value in values]
    return "; ".join(rest) + last + end


# --- Os exemplos de papel e a frase do capítulo ---------------------------------------

BANK = {"sentei": (2.0, 0.0), "paguei": (0.0, 2.0), "banco": (1.0, 1.0)}
PAPER = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # gato, telhado, miou
SENTENCE = torch.tensor(  # cadernos 03 e 04: animal, lugar, ação
    [
        [0.2, 0.1, 0.0],  # O
        [1.8, 0.2, 0.6],  # gato
        [0.1, 0.1, 0.2],  # que
        [0.3, 0.8, 0.9],  # estava
        [0.0, 0.6, 0.1],  # no
        [0.2, 1.9, 0.0],  # telhado
        [1.5, 0.0, 1.6],  # miou
    ]
)


def bank_with(verb: str) -> str:
    return row((torch.tensor(BANK[verb]) + torch.tensor(BANK["banco"])) / 2, 1)


def cake():
    weights = torch.tensor([2.0, 1.0, 1.0]) / 4
    return weights, weights @ PAPER


def heated(temperature: float):
    powers = torch.tensor([4.0, 2.0, 1.0]) ** (1 / temperature)
    return powers / powers.sum()


@cache
def meow_on_paper():
    """A conta de miou: escores, exponenciais, pesos e vetor de contexto."""
    scores = dot_scores(PAPER, PAPER)[2]
    output, weights = self_attention(PAPER)
    return {"escore": scores, "exp": scores.exp(), "peso": weights[2]}, output[2]


@cache
def projected_on_paper():
    """A conta do caderno 04: os escores de miou, os pesos e o vetor de contexto."""
    q = PAPER[2:] @ torch.tensor([[0.0, -1.0], [1.0, 1.0]])
    k = PAPER @ torch.tensor([[1.0, 1.0], [-1.0, 0.0]])
    v = PAPER @ torch.tensor([[1.0, 0.0, 1.0], [0.0, 2.0, -1.0]])
    output, weights = attention(q, k, v)
    return dot_scores(q, k)[0], weights[0], output[0]


@cache
def projected_sentence():
    """Os escores, já divididos, e os pesos da frase, com as matrizes do caderno 04."""
    q = SENTENCE @ torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, -3.0]])
    k = SENTENCE @ torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    return dot_scores(q, k) / math.sqrt(2), attention(q, k, SENTENCE)[1]


@cache
def gradient_step():
    """O passo de papel do caderno 05: pesos novos, perda antes e depois."""
    scores = torch.zeros(2, requires_grad=True)  # lobos, casa

    def plural_loss(scores):
        return -torch.sigmoid(scores.softmax(-1) @ torch.tensor([1.0, -1.0])).log()

    loss = plural_loss(scores)
    (grad,) = torch.autograd.grad(loss, scores)
    moved = (scores - 2 * grad).detach()
    return moved.softmax(-1), loss.item(), plural_loss(moved).item()


@cache
def masked_cat():
    """A linha de gato do caderno 06: com a máscara antes, e apagada depois."""
    scores, visible = torch.tensor([0.0, 1.0, 0.0, 3.0]), torch.arange(4) < 2
    before = scores.masked_fill(~visible, -torch.inf).softmax(-1)
    return before, (scores.softmax(-1) * visible).sum()


@cache
def dropped_sums():
    """As somas que aparecem na linha de um peso só, com dropout de 1/2."""
    torch.manual_seed(0)
    many = nn.Dropout(0.5)(torch.tensor([1.0, 0.0, 0.0]).expand(200, 3))
    return many.sum(-1).unique().tolist()


@cache
def heads_on_paper():
    """O maior peso com uma cabeça e com duas, na conta do caderno 07."""
    keys = torch.tensor([[2.0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 2, 0]])
    query = torch.tensor([[1.0, 0, 1, 0]])
    one = attention(query, keys, keys)[1]
    two = [attention(query[:, c], keys[:, c], keys[:, c])[1] for c in ([0, 1], [2, 3])]
    assert one[0, 0] == one[0, 2] and two[0][0, 0] == two[1][0, 2]
    return one[0, 0], two[0][0, 0]


@cache
def block_on_paper():
    """O vetor de miou depois da atenção e depois do MLP, no caderno 08."""
    stream = torch.tensor([[2.0, 0.0], [0.0, 4.0], [5.0, 3.0]])  # o, gato, miou
    norm = nn.LayerNorm(2, eps=0, elementwise_affine=False)
    middle = stream[2] + norm(stream).mean(0)
    return middle, middle + norm(middle).clamp(min=0)


# --- O que se mede sem treinar --------------------------------------------------------


@cache
def gradients(kind: str):
    """(3 sementes, 3): o gradiente no sujeito a 10, 20 e 40 palavras, sem treino."""
    return torch.tensor(
        [lesson01.gradient_by_distance(kind, [10, 20, 40], seed=s) for s in SEEDS]
    )


@cache
def factors():
    """O que resta do gradiente a cada palavra, em cada rede recorrente e semente."""
    tables = torch.stack([gradients(kind) for kind in lesson01.RECURRENT])
    return ((tables[..., 2] / tables[..., 0]) ** (1 / 30)).flatten().tolist()


def open_gate_factors():
    """O mesmo, na LSTM que começa com a porta de esquecimento aberta (viés 2)."""
    for seed in SEEDS:
        sizes = []
        for distance in (10, 40):
            batch = agreement(200, distance, seed=1000 + seed)
            reader = lesson01.new_reader("LSTM", batch, seed=seed)
            (lstm,) = (m for m in reader.modules() if isinstance(m, nn.LSTM))
            forget = slice(lstm.hidden_size, 2 * lstm.hidden_size)  # i, f, g, o
            with torch.no_grad():
                lstm.bias_ih_l0[forget], lstm.bias_hh_l0[forget] = 2.0, 0.0
            sizes.append(lesson01.subject_gradient(reader, batch))
        yield (sizes[1] / sizes[0]) ** (1 / 30)


def window_inside():
    """A acurácia da janela de quatro, com o sujeito dentro dela."""
    for distance in range(4):
        model = lesson01.WindowModel(agreement(4000, distance, seed=0), 4)
        yield model.accuracy(agreement(400, distance, seed=1000))


def leaked_number():
    """A fração de números certos de uma janela que não alcança o sujeito."""
    sentences = agreement(400, 5, seed=1000, **LEAKY)
    model = lesson01.WindowModel(agreement(4000, 5, seed=0, **LEAKY), 4)
    right = model.predict(sentences) % 2 == sentences.answer % 2
    return right.float().mean()


def fact_parameters(kind: str) -> str:
    options = {"positions": False, "residual": True}
    reader = lesson01.new_reader(kind, facts(1, k=3), seed=0, **options)
    return comma(lesson01.n_parameters(reader), 0)


def remembered(kind: str) -> str:
    """A acurácia média, nas três sementes guardadas, com o maior número de fatos."""
    return comma(100 * mean(values[-1] for values in lesson01.FACTS[kind]), 0)


@cache
def election(seed: int):
    """O voto da maioria do caderno 02: acertos em tudo, e com um só atrator."""
    batch = agreement(5000, range(3, 13), seed=seed)
    votes = torch.zeros(len(batch.vocabulary))
    for i, word in enumerate(batch.vocabulary.words):
        entry = LEXICON.get(word)
        if entry is not None and entry.category in ("bicho", "coisa"):
            votes[i] = {"s": -1.0, "p": 1.0}[entry.number]
    votes = votes[batch.ids]  # (B, T)
    truth = votes[torch.arange(len(batch)), batch.subject]
    right = (votes.sum(-1) * truth > 0).float()
    return right.mean(), right[batch.attractors.sum(-1) == 1].mean()


def mean_length():
    """O comprimento da média de 64 vetores sorteados, de comprimento 1."""
    points = torch.randn(900, 64, 32, generator=torch.Generator().manual_seed(0))
    points = points / points.norm(dim=-1, keepdim=True)
    return points.mean(1).norm(dim=-1).mean()


def looks_at_itself(d: int, T: int = 7):
    """A fração das linhas com o maior peso na diagonal, em três sorteios."""
    for seed in SEEDS:
        points = torch.randn(500, T, d, generator=torch.Generator().manual_seed(seed))
        largest = self_attention(points)[1].argmax(-1)
        yield (largest == torch.arange(T)).float().mean()


@cache
def scaling(d_k: int, scale: float | None):
    """Sem treino, 32 chaves: o maior peso, a entropia e o gradiente mediano."""
    measures = []
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        q = torch.randn(400, 1, d_k, generator=generator).requires_grad_()
        k = torch.randn(400, 32, d_k, generator=generator)
        weights = attention(q, k, k, scale=scale)[1]  # (400, 1, 32)
        (grad,) = torch.autograd.grad(weights[..., 0].sum(), q)
        entropy = torch.special.entr(weights).sum(-1).mean()
        peak, norms = weights.amax(-1).mean(), grad.norm(dim=-1)
        measures.append([peak.item(), entropy.item(), norms.median().item()])
    return torch.tensor(measures)  # (3 sementes, 3 medidas)


def lost_gradient():
    """Por quanto cai o gradiente da linha típica, de d_k = 4 a 256, sem a divisão."""
    return (scaling(4, 1.0)[:, 2] / scaling(256, 1.0)[:, 2]).min()


def rows_that_learned(scale: float | None):
    """A fração de consultas que, por gradiente, acham a sua chave em 100 passos."""
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        q = torch.randn(100, 1, 256, generator=generator).requires_grad_()
        k = torch.randn(100, 32, 256, generator=generator)
        v = torch.randn(100, 32, 8, generator=generator)
        for _ in range(100):
            output, weights = attention(q, k, v, scale=scale)
            loss = (output - v[:, :1]).square().mean(-1).sum()
            (grad,) = torch.autograd.grad(loss, q)
            q = (q - 10 * grad).detach().requires_grad_()
        yield (weights[..., 0] > 0.5).float().mean()


@cache
def hand_made_head(animate: float, position: float):
    """A cabeça do caderno 04, em três sorteios de 600 frases.

    Devolve: quantas acertou, quantas são, e o peso médio no sujeito.
    """
    right, total, on_subject = 0, 0, 0.0
    for seed in SEEDS:
        batch = agreement(600, distance=range(3, 13), seed=seed)
        verbs = [LEXICON[text] for text in batch.choices]
        lemmas = list(dict.fromkeys(verb.lemma for verb in verbs))

        def sheet(word, lemmas=lemmas):
            """A ficha: número (−1 ou 1) e bicho."""
            values = torch.zeros(7)
            if word is not None and word.number:
                values[0] = {"s": -1.0, "p": 1.0}[word.number]
            if word is not None and word.lemma in lemmas:
                values[1 + lemmas.index(word.lemma)] = 1.0
            return values

        entries = [LEXICON.get(word) for word in batch.vocabulary.words]
        nouns = [e if e and e.category in ("bicho", "coisa") else None for e in entries]
        beasts = torch.tensor([float(bool(e and e.category == "bicho")) for e in nouns])
        values = torch.stack([sheet(e) for e in nouns])[batch.ids]  # (B, T, 7)
        T = batch.ids.shape[1]
        places = torch.arange(T).float().expand(len(batch), T)
        keys = torch.stack([beasts[batch.ids], places], dim=-1)  # (B, T, 2)
        query = torch.tensor([[animate, position]]).expand(len(batch), 1, 2)
        real = (torch.arange(T) < batch.lengths[:, None])[:, None]  # (B, 1, T)
        output, weights = attention(query, keys, values, real)
        table = torch.stack([sheet(verb) for verb in verbs])  # (12, 7)
        answer = (output[:, 0] @ table.T).argmax(-1)
        right += int((answer == batch.answer).sum())
        total += len(batch)
        on_subject += weights[torch.arange(len(batch)), 0, batch.subject].sum().item()
    return right, total, on_subject / total


@cache
def before_training():
    """O que se mede do leitor do caderno 05 ainda sorteado, em três sementes."""
    found = [
        lesson05.measure(lesson05.new_reader(seed=s), lesson05.fresh_sentences(seed=s))
        for s in SEEDS
    ]
    return {name: [f[name] for f in found] for name in found[0]}


def raw_head():
    options = {"look_at_self": True, "std": 2.0}
    return lesson05.new_reader(lesson05.raw_similarity_head, seed=0, **options)


def fronted_sentences() -> int:
    """Quantos pares de bichos diferentes há."""
    animals = lesson05.ANIMALS
    return sum(x.lemma != y.lemma for x in animals for y in animals)


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def headline_parameters() -> str:
    sizes = {size(lesson07.HeadlineReader(h)) for h in (1, 2, 4, 8)}
    return " ou ".join(comma(n, 0) for n in sorted(sizes))


def mlp_share():
    block = lesson08.new_language_model(seed=0, n_layers=1).blocks[0]
    return size(block.mlp) / size(block)


@cache
def likeness(*missing: str):
    """O cosseno médio entre tokens diferentes, depois de cada um de 12 blocos."""
    different, found = ~torch.eye(12, dtype=torch.bool), []
    for seed in SEEDS:
        torch.manual_seed(seed)
        ids = torch.stack([torch.randperm(40)[:12] for _ in range(8)])  # (8, 12)
        model = ablate(GPT(GPTConfig(40, 12, 48, 4, n_layers=12)), *missing)
        x = model.tokens(ids) + model.positions(torch.arange(12))
        for block in model.blocks:
            x, _ = block(x)
            unit = nn.functional.normalize(x, dim=-1)
            found.append((unit @ unit.transpose(-2, -1))[:, different].mean().item())
    return torch.tensor(found).view(len(SEEDS), 12)


QUICK = {
    # 1. O problema do contexto
    "banco_sentei": lambda: bank_with("sentei"),
    "banco_paguei": lambda: bank_with("paguei"),
    "n_verbos": lambda: comma(len(agreement(1, 3).choices), 0),
    "acaso": lambda: comma(100 * 1 / len(agreement(1, 3).choices), 0),
    "n_vocabulario": lambda: comma(len(agreement(1, 3).vocabulary), 0),
    "janela_dentro": lambda: above(99, *percent(*window_inside())),
    "janela_combinacoes": lambda: comma(len(agreement(1, 3).vocabulary) ** 4, 0),
    "fator_min": lambda: above(0.5, *factors()),
    "fator_max": lambda: below(0.7, *factors()),
    "fator_porta": lambda: above(0.95, *open_gate_factors()),
    "gradiente_recorrentes": lambda: below(
        0.0005, *(gradients(kind)[:, 1].max() for kind in lesson01.RECURRENT)
    ),
    "gradiente_atencao": lambda: above(0.1, *gradients("atenção")[:, 1]),
    "treino20_atencao": lambda: above(97, *percent(*lesson01.LEARNED["atenção"][20])),
    "treino20_lstm": lambda: comma(100 * mean(lesson01.LEARNED["LSTM"][20]), 0),
    "treino20_tanh": lambda: below(50, *percent(*lesson01.LEARNED["tanh"][20])),
    "parametros_lstm": lambda: fact_parameters("LSTM"),
    "parametros_atencao": lambda: fact_parameters("atenção"),
    "fatos_lstm": lambda: remembered("LSTM"),
    "fatos_atencao": lambda: remembered("atenção"),
    "pistas_janela": lambda: above(99, *percent(leaked_number())),
    # 2. Intuição da atenção
    "bolo_pesos": lambda: row(cake()[0], last=" e "),
    "bolo_contexto": lambda: row(cake()[1]),
    "media_64": lambda: words(
        "um oitavo", abs(mean_length() - 1 / 8) < 0.005, mean_length()
    ),
    "voto_min": lambda: above(55, *percent(*(election(s)[0] for s in SEEDS))),
    "voto_max": lambda: below(65, *percent(*(election(s)[0] for s in SEEDS))),
    "voto_um_atrator": lambda: words(
        "metade", all(abs(election(s)[1] - 0.5) < 0.05 for s in SEEDS), election(0)[1]
    ),
    "temperatura_1": lambda: row(heated(1.0), last=" e "),
    "temperatura_meio": lambda: row(heated(0.5), last=" e "),
    # 3. Self-Attention básico
    **{
        f"papel_{name}_{word}": lambda name=name, j=j, decimals=decimals: comma(
            meow_on_paper()[0][name][j], decimals
        )
        for name, decimals in [("escore", 0), ("exp", 2), ("peso", 2)]
        for j, word in enumerate(["gato", "telhado", "miou"])
    },
    "papel_contexto": lambda: row(meow_on_paper()[1]),
    "frase_si": lambda: comma(self_attention(SENTENCE)[1][6, 6]),
    "frase_gato": lambda: comma(self_attention(SENTENCE)[1][6, 1]),
    "frase_volta": lambda: comma(self_attention(SENTENCE)[1][1, 6]),
    "frase_escore": lambda: comma(dot_scores(SENTENCE, SENTENCE)[6, 1]),
    "si_mesmo_8": lambda: above(90, *percent(*looks_at_itself(8))),
    "si_mesmo_64": lambda: below(75, *percent(*looks_at_itself(8, T=64))),
    "si_mesmo_1": lambda: below(50, *percent(*looks_at_itself(1))),
    # 4. Query, Key e Value
    "qkv_escores": lambda: row(projected_on_paper()[0], 0, last=" e "),
    "qkv_pesos": lambda: row(projected_on_paper()[1], last=" e "),
    "qkv_contexto": lambda: row(projected_on_paper()[2]),
    "qkv_gato": lambda: comma(projected_sentence()[1][6, 1]),
    "qkv_si": lambda: comma(projected_sentence()[1][6, 6]),
    "qkv_ida": lambda: comma(projected_sentence()[0][6, 1], 1),
    "qkv_volta": lambda: comma(projected_sentence()[0][1, 6], 1),
    "raiz_uniforme": lambda: comma(1 / 32),
    "raiz_maior": lambda: above(0.8, *scaling(256, 1.0)[:, 0]),
    "raiz_entropia_4": lambda: comma(scaling(4, 1.0)[:, 1].mean(), 1),
    "raiz_entropia_256": lambda: comma(scaling(256, 1.0)[:, 1].mean(), 1),
    "raiz_entropia_com": lambda: " a ".join(
        sorted({comma(scaling(d, None)[:, 1].mean(), 1) for d in (4, 64, 256)})
    ),
    "raiz_gradiente": lambda: words(
        "dez bilhões", lost_gradient() > 1e10, lost_gradient()
    ),
    "raiz_aprende_com": lambda: above(70, *percent(*rows_that_learned(None))),
    "raiz_aprende_sem": lambda: below(20, *percent(*rows_that_learned(1.0))),
    "mao_acertos": lambda: comma(hand_made_head(30.0, -4.0)[0], 0),
    "mao_frases": lambda: comma(hand_made_head(30.0, -4.0)[1], 0),
    "mao_peso": lambda: above(0.99, hand_made_head(30.0, -4.0)[2]),
    "posicao_acerto": lambda: above(
        80, *percent(hand_made_head(0.0, -4.0)[0] / hand_made_head(0.0, -4.0)[1])
    ),
    "posicao_peso": lambda: below(0.1, hand_made_head(0.0, -4.0)[2]),
    # 5. Pesos treináveis
    "passo_pesos": lambda: row(gradient_step()[0], last=" e "),
    "passo_perda_antes": lambda: comma(gradient_step()[1]),
    "passo_perda_depois": lambda: comma(gradient_step()[2]),
    "antes_sujeito": lambda: comma(mean(before_training()["sujeito"])),
    "antes_acuracia": lambda: below(20, *percent(*before_training()["acurácia"])),
    "passos_05": lambda: comma(lesson05.STEPS, 0),
    "frases_05": lambda: comma(lesson05.BATCH_SIZE, 0),
    "teste_05": lambda: comma(lesson05.N_TEST, 0),
    "colapso_antes": lambda: above(
        0.99, lesson05.measure(raw_head(), lesson05.fresh_sentences(seed=0))["lacuna"]
    ),
    "n_deslocadas": lambda: comma(fronted_sentences(), 0),
    # 6. Máscara causal
    "mascara_pesos": lambda: row(masked_cat()[0][:2], last=" e "),
    "mascara_apagada": lambda: comma(masked_cat()[1]),
    "piso_06": lambda: comma(language_entropy().per_token),
    "dropout_somas": lambda: row(dropped_sums(), 0, last=" ou "),
    # 7. Multi-head attention
    "uma_cabeca": lambda: comma(heads_on_paper()[0]),
    "duas_cabecas": lambda: comma(heads_on_paper()[1]),
    "parametros_07": headline_parameters,
    "peso_pronome": lambda: comma(
        inspect.signature(lesson07.train_reader).parameters["clitic_weight"].default
    ),
    # 8. Atenção no Transformer
    "bloco_atencao": lambda: row(block_on_paper()[0]),
    "bloco_mlp": lambda: row(block_on_paper()[1]),
    "parametros_08": lambda: comma(
        size(lesson08.new_language_model(seed=0, n_layers=1)), 0
    ),
    "mlp_fracao": lambda: words(
        "dois terços", abs(mlp_share() - 2 / 3) < 0.01, mlp_share()
    ),
    "cosseno_sem": lambda: above(0.98, likeness("residual")[:, 5:].min()),
    "cosseno_com": lambda: below(0.2, likeness().max()),
}


# --- O que se treina, na semente 0, ou demora ----------------------------------------


def mixed_distances():
    """As três recorrentes, treinadas com 0 a 8 palavras no meio, e testadas com 20."""
    for kind in lesson01.RECURRENT:
        reader = lesson01.agreement_reader(kind, range(9), seed=0)
        yield lesson01.agreement_accuracy(reader, 20, seed=0)


@cache
def after_training(setting: str) -> dict[str, float]:
    """O que se mede do leitor do caderno 05 depois de treinado."""
    articles = setting == "artigos"
    if setting == "inteiro":
        reader = trained.agreement_reader()
    else:
        make = {
            "sem posições": lambda: lesson05.new_reader(seed=0, positions=False),
            "artigos": lambda: lesson05.new_reader(seed=0, n_answers=2),
            "colapso": raw_head,
        }[setting]
        reader = make()
        lesson05.teach(reader, seed=0, articles=articles)
    return lesson05.measure(reader, lesson05.fresh_sentences(seed=0, articles=articles))


@cache
def subject_by_row() -> dict[str, float]:
    return lesson05.subject_by_row(lesson05.trained_next_word(seed=0), seed=0)


def moved_answers():
    """A fração de frases em que o verbo segue o peso posto no primeiro atrator."""
    batch = lesson05.fresh_sentences(seed=0)
    batch = batch[batch.animate.any(-1)]
    place = batch.animate.int().argmax(-1)
    weights = nn.functional.one_hot(place, batch.ids.shape[1]).float()
    answers = lesson05.answer_with_row(trained.agreement_reader(), batch, weights)
    nouns = batch.ids[torch.arange(len(batch)), place]
    follows = [
        lesson05.VERBS[answer] == lesson05.verb_of(batch.vocabulary.words[noun])
        for answer, noun in zip(answers, nouns)
    ]
    return sum(follows) / len(follows)


@cache
def fronted() -> dict[str, float]:
    return lesson05.fronted_answers(trained.agreement_reader())


def far_accuracy() -> float:
    batch = lesson05.fresh_sentences(seed=0, distance=20)
    return lesson05.measure(trained.agreement_reader(), batch)["acurácia"]


def over_the_floor(loss, causal: bool) -> float:
    """Quanto a perda passa do piso, em nats por token, nas frases do caderno 06."""
    test = lesson06.held_out()
    return loss(trained.language_model(causal, 0), test) - lesson06.exact_loss(test)


def cheating_share() -> float:
    """A perda de quem vê o futuro, como fração do piso."""
    test = lesson06.held_out()
    loss = lesson06.teacher_forced_loss(trained.language_model(False, 0), test)
    return loss / lesson06.exact_loss(test)


def accepted(causal: bool) -> float:
    written = lesson06.sample_sentences(trained.language_model(causal, 0))
    return lesson06.grammatical_rate(written)


@cache
def headlines():
    return lesson07.fresh_headlines()


def both_right(reader) -> dict[str, float]:
    return lesson07.accuracy(reader, headlines())


@cache
def without_head(noun: int) -> dict[str, float]:
    """A acurácia sem a cabeça que olha para o primeiro bicho (0) ou para o outro."""
    reader = trained.headline_reader(2)
    gone = int(lesson07.weight_on_nouns(reader, headlines())[:, noun].argmax())
    return lesson07.ablated_accuracy(reader, headlines(), gone)


@cache
def eight_heads():
    """Quantas das oito saem de graça, e o verbo sem todas as do primeiro bicho."""
    reader = trained.headline_reader(8)
    whole = both_right(reader)["os dois"]
    alone = [lesson07.ablated_accuracy(reader, headlines(), h) for h in range(8)]
    on_first = lesson07.weight_on_nouns(reader, headlines())[:, 0]
    watchers = (on_first > 0.5).nonzero().flatten().tolist()
    together = lesson07.ablated_accuracy(reader, headlines(), *watchers)
    return sum(whole - a["os dois"] < 0.03 for a in alone), together["verbo"]


def small_excess(*missing: str, n_layers: int = 2) -> float:
    """Quanto a perda do modelo menor do caderno 08, sem uma peça, passa do piso."""
    return excess(trained.small_gpt(0, *missing, n_layers=n_layers))


def excess(model) -> float:
    fresh = lesson08.held_out_sentences()
    return lesson06.teacher_forced_loss(model, fresh) - lesson06.exact_loss(fresh)


def cost_of(*missing: str, n_layers: int = 2) -> float:
    return small_excess(*missing, n_layers=n_layers) - small_excess()


def copied(n_layers: int) -> float:
    model = trained.copier(n_layers, 1)
    return lesson08.copy_accuracy(model, induction(500, seed=1))


def _explicit(q, k, v):
    return attention(q, k, v, causal_mask(q.shape[-2]))


def _tiled(q, k, v):
    return tiled_attention(q, k, v, causal=True)


def _sdpa(q, k, v):
    return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


@cache
def memory_growth(attend):
    """Por quanto a memória se multiplica quando T dobra."""
    peaks = []
    for T in (2048, 4096):
        q, k, v = torch.randn(3, 1, 1, T, 64)
        peaks.append(lesson08.peak_memory(attend, q, k, v))
    return peaks[1] / peaks[0]


SLOW = {
    # 1. O problema do contexto
    "misturadas": lambda: above(90, *percent(*mixed_distances())),
    # 5. Pesos treináveis
    "depois_acuracia": lambda: above(
        99, *percent(after_training("inteiro")["acurácia"])
    ),
    "depois_sujeito": lambda: above(0.95, after_training("inteiro")["sujeito"]),
    "depois_atratores": lambda: below(
        0.05,
        after_training("inteiro")["animados"] + after_training("inteiro")["inanimados"],
    ),
    "cega_min": lambda: above(65, *percent(after_training("sem posições")["acurácia"])),
    "cega_max": lambda: below(88, *percent(after_training("sem posições")["acurácia"])),
    "artigo_peso": lambda: above(0.8, after_training("artigos")["antes do sujeito"]),
    "colapso_depois": lambda: above(0.9, after_training("colapso")["lacuna"]),
    "colapso_acuracia": lambda: below(
        20, *percent(after_training("colapso")["acurácia"])
    ),
    "linha_antes": lambda: above(0.7, subject_by_row()["antes do verbo"]),
    "linha_verbo": lambda: below(0.3, subject_by_row()["verbo"]),
    "intervencao": lambda: above(95, *percent(moved_answers())),
    "primeiro_bicho": lambda: above(90, *percent(fronted()["primeiro"])),
    "primeiro_sujeito": lambda: below(10, *percent(fronted()["sujeito"])),
    "longe_min": lambda: above(60, *percent(far_accuracy())),
    "longe_max": lambda: below(95, *percent(far_accuracy())),
    # 6. Máscara causal
    "com_mascara": lambda: below(
        0.15, over_the_floor(lesson06.teacher_forced_loss, causal=True)
    ),
    "sem_mascara": lambda: words("um décimo", cheating_share() < 0.1, cheating_share()),
    "vazamento_peso": lambda: above(
        0.5,
        *lesson06.next_token_weight(
            trained.language_model(False, 0), lesson06.held_out()
        ),
    ),
    "prefixo_excesso": lambda: above(
        2, over_the_floor(lesson06.prefix_loss, causal=False)
    ),
    "frases_sem": lambda: below(5, *percent(accepted(causal=False))),
    "frases_com": lambda: above(50, *percent(accepted(causal=True))),
    # 7. Multi-head attention
    "uma_verbo": lambda: above(
        99, *percent(both_right(trained.headline_reader(1))["verbo"])
    ),
    "uma_pronome_min": lambda: above(
        15, *percent(both_right(trained.headline_reader(1))["pronome"])
    ),
    "uma_pronome_max": lambda: below(
        35, *percent(both_right(trained.headline_reader(1))["pronome"])
    ),
    "duas_os_dois": lambda: above(
        99, *percent(both_right(trained.headline_reader(2))["os dois"])
    ),
    "duas_peso": lambda: above(
        0.9,
        *lesson07.weight_on_nouns(trained.headline_reader(2), headlines()).amax(0),
    ),
    "uma_persistente": lambda: above(
        40,
        *percent(
            both_right(lesson07.train_reader(1, seed=0, clitic_weight=2.0))["os dois"]
        ),
    ),
    "ablacao_verbo": lambda: below(25, *percent(without_head(0)["verbo"])),
    "ablacao_pronome": lambda: below(40, *percent(without_head(1)["pronome"])),
    "ablacao_intacto": lambda: above(
        99, *percent(without_head(0)["pronome"], without_head(1)["verbo"])
    ),
    "livres": lambda: words("cinco", eight_heads()[0] >= 5, eight_heads()[0]),
    "oito_juntas": lambda: below(60, *percent(eight_heads()[1])),
    # 8. Atenção no Transformer
    "excesso_08": lambda: below(0.03, excess(trained.gpt(0))),
    "gramaticais_08": lambda: above(
        90,
        *percent(lesson06.grammatical_rate(lesson08.write_sentences(trained.gpt(0)))),
    ),
    "sem_residual": lambda: above(0.5, cost_of("residual")),
    "sem_atencao": lambda: above(0.1, cost_of("attention")),
    "sem_norma": lambda: above(0.03, cost_of("norm")),
    "dispensaveis": lambda: below(
        0.03,
        abs(cost_of("mlp")),
        abs(cost_of("positions")),
        abs(cost_of(n_layers=1)),
    ),
    "copia_dois": lambda: above(95, *percent(copied(2))),
    "copia_um": lambda: below(40, *percent(copied(1))),
    "memoria_vezes": lambda: comma(memory_growth(_explicit), 0),
    "memoria_blocos": lambda: words(
        "dobra",
        max(memory_growth(_tiled), memory_growth(_sdpa)) < 2.1,
        max(memory_growth(_tiled), memory_growth(_sdpa)),
    ),
}


# --- A página -------------------------------------------------------------------------


def fill(page: str, values: dict[str, str]) -> str:
    """A página com esses números; as marcas que values não traz ficam como estão.

    >>> fill("mais de <!--m:peso-->0,1<!--/--> do total", {"peso": "0,9"})
    'mais de <!--m:peso-->0,9<!--/--> do total'
    """

    def put(match):
        name, written = match.groups()
        return f"<!--m:{name}-->{values.get(name, written)}<!--/-->"

    return MARK.sub(put, page)


def fill_images(page: str) -> str:
    """A página com o endereço e o texto alternativo de cada infográfico."""
    from tools.posters.__main__ import load, posters

    modules, numbers = posters(), load()

    def put(match):
        number = match.group(1)
        if number not in modules or number not in numbers:
            return match.group()
        module = modules[number]
        return f"![{module.texts(numbers[number]).alt}](infograficos/{module.FILE})"

    return IMAGE.sub(put, page)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python tools/diario.py", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--check", action="store_true", help="só confere")
    options = parser.parse_args(arguments)
    values = {name: compute() for name, compute in {**QUICK, **SLOW}.items()}
    page = PAGE.read_text(encoding="utf-8")
    new = fill_images(fill(page, values))
    for name, written in MARK.findall(page):
        if name not in values:
            print(f"marca sem função: {name}")
        elif written != values[name]:
            print(f"{name}: {written} → {values[name]}")
    if fill_images(page) != page:
        print("o texto alternativo ou o endereço de algum infográfico mudou")
    if new == page:
        print("tudo em dia")
    elif not options.check:
        PAGE.write_text(new, encoding="utf-8", newline="\n")
    return int(options.check and new != page)


if __name__ == "__main__":
    torch.set_num_threads(1)  # com uma thread, os mesmos números a cada execução
    sys.exit(main())
