"""Exercícios do caderno 06: máscaras, padding e a prova do vazamento."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention_lab.attention import attention, causal_mask, padding_mask
from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    ValueExercise,
    decimal,
    sample,
)

# Os escores da seção "À mão": o gato preto miou, já divididos por √d_k.
BY_HAND = torch.tensor(
    [
        [1.0, 0.0, 2.0, 1.0],
        [0.0, 1.0, 0.0, 3.0],
        [1.0, 3.0, 2.0, 4.0],
        [0.0, 1.0, 1.0, 1.0],
    ]
)

HAND, MASK, PROOF, BREAK, PADDING = (
    "seção 3, “À mão”",
    "seção 4, “A máscara causal”",
    "seção 5, “Duas provas: vazamento e alcance”",
    "seção 6, “Quebre de propósito”",
    "seção 7, “Padding e linhas sem chave”",
)


def _hand_weight(row: int, key: int, last: int) -> float:
    """O peso de uma chave quando a linha vê as chaves de 0 a last."""
    return float(BY_HAND[row, : last + 1].softmax(-1)[key])


def _weight_by_column(mask: Tensor) -> float:
    """O “peso” de `preto` para `gato` quando a softmax corre por cada coluna."""
    return float(BY_HAND.masked_fill(~mask, -torch.inf).softmax(0)[2, 1])


# --- 6.2: a janela -------------------------------------------------------------------


def window_mask(T: int, window: int) -> Tensor:
    """Causal, e sem olhar para mais de ``window`` tokens, contando o próprio."""
    back = _steps_back(T)
    return (back >= 0) & (back < window)


def _steps_back(T):
    """Quantas casas a chave j está atrás da consulta i."""
    return torch.arange(T)[:, None] - torch.arange(T)  # (T, T)


def _joined_by_and(T, window):
    return (_steps_back(T) >= 0) and (_steps_back(T) < window)


def _negative_start(T, window):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        mask[i, i - window + 1 : i + 1] = True
    return mask


def _negative_column(T, window):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        for j in range(i - window + 1, i + 1):
            mask[i, j] = True
    return mask


def _first_keys(T, window):
    return (_steps_back(T) >= 0) & (torch.arange(T) < window)


def _future_seen(got, T, window):
    seen = torch.as_tensor(got)
    future = int((seen.bool() & (_steps_back(T) < 0)).sum())
    return f"Com T = {T} e janela {window}, {future} células do futuro ficaram à vista."


def _row_count(got, T, window):
    counts = (torch.as_tensor(got) != 0).sum(-1).tolist()
    want = window_mask(T, window).sum(-1).tolist()
    return (
        f"Com T = {T} e janela {window}, as linhas veem {counts} chaves; deveriam ver "
        f"{want}."
    )


def _last_row(got, T, window):
    """As chaves que a última linha vê e as que deveria ver."""
    mine, right = torch.as_tensor(got)[-1], window_mask(T, window)[-1]
    seen, want = (row.nonzero()[:, 0].tolist() for row in (mine, right))
    return (
        f"Com T = {T} e janela {window}, a linha {T - 1} vê as chaves {seen}; deveria "
        f"ver {want}."
    )


def _not_booleans(got, *inputs):
    return "Veio uma tabela de 0 e −∞ no lugar de booleanos."


# --- 6.3: causal e padding -----------------------------------------------------------


def batch_mask(lengths, T: int) -> Tensor:
    """Quem pode olhar para quem num batch com padding: causal e padding."""
    return causal_mask(T) & padding_mask(lengths, T)  # (B, 1, T, T)


def _whole(mask, lengths, T):
    return mask.expand(len(lengths), 1, T, T)


def _rows(lengths, T):
    return padding_mask(lengths, T).transpose(-2, -1)  # (B, 1, T, 1)


def _short_sentence(got, lengths, T):
    got = torch.as_tensor(got)
    if got.dim() != 4:
        want = (len(lengths), 1, T, T)
        return f"Veio a forma {tuple(got.shape)}; o pedido é {want}."
    i = int(torch.as_tensor(lengths).argmin())
    n = int(lengths[i])
    got = got.bool().expand(len(lengths), 1, T, T)[i, 0]
    pad, future = int(got[:, n:].sum()), int(got.triu(1).sum())
    return (
        f"Na frase de {n} tokens, com T = {T}, ficaram à vista {pad} células de "
        f"padding e {future} do futuro; deveriam ser 0 e 0."
    )


# --- 6.4: a camada do PyTorch --------------------------------------------------------


def masked_layer(layer, x: Tensor, lengths) -> tuple[Tensor, Tensor]:
    """``nn.MultiheadAttention`` causal, sem olhar para o padding."""
    T = x.shape[1]
    blocked = ~causal_mask(T)  # (T, T); nesta camada, True = não pode olhar
    padding = ~padding_mask(lengths, T)[:, 0, 0]  # (B, T)
    return layer(x, x, x, attn_mask=blocked, key_padding_mask=padding)


def _layer_with(attn_mask, padding):
    def wrong(layer, x, lengths):
        T = x.shape[1]
        real = padding_mask(lengths, T)[:, 0, 0]
        masks = {"attn_mask": attn_mask(causal_mask(T)), "key_padding_mask": None}
        if padding is not None:
            masks["key_padding_mask"] = padding(real)
        return layer(x, x, x, **masks)

    return wrong


def _same(mask):
    return mask


def _inverted(mask):
    return ~mask


def _layer_numbers(got, layer, x, lengths):
    weights = torch.as_tensor(got[1]).detach()
    nan = int(weights.isnan().any(-1).sum())
    future = float(weights.nan_to_num().triu(1).sum(-1).max())
    n = int(min(lengths))
    pad = float(weights[list(lengths).index(n), :, n:].nan_to_num().sum(-1).max())
    return (
        f"Linhas com NaN: {nan}. Maior peso total no futuro: {decimal(future)}; no "
        f"padding da frase de {n} tokens: {decimal(pad)}. Deveria ser tudo 0."
    )


class Layer(nn.MultiheadAttention):
    """A camada do PyTorch, com um nome que cabe nas mensagens."""

    def __repr__(self):
        return f"nn.MultiheadAttention({self.embed_dim}, {self.num_heads})"


def _new_layer(seed, d_model, n_heads):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Layer(d_model, n_heads, batch_first=True)


# --- 6.5: a prova do vazamento -------------------------------------------------------


class Masked:
    """Autoatenção sem parâmetros com uma máscara, para ser posta à prova."""

    def __init__(self, name, mask_of):
        self.name, self.mask_of = name, mask_of

    def __call__(self, x):
        return attention(x, x, x, self.mask_of(len(x)))[0]

    def __repr__(self):
        return f"atenção {self.name}"


LAYERS = [
    Masked("com máscara causal", causal_mask),
    Masked("com uma casa a mais", lambda T: torch.ones(T, T).tril(1).bool()),
    Masked("com janela de 2", lambda T: window_mask(T, 2)),
]


class ByCoordinate:
    """Cada coordenada tem outro alcance: quem olha para uma só não vê a tabela certa.

    O passado inteiro só aparece na segunda, e diminuindo; a única que aumenta é a
    terceira.
    """

    def __call__(self, x):
        own, past, previous, first = x.unbind(-1)
        previous, first = F.pad(previous, (1, 0))[:-1], first[:1].expand(len(x))
        return torch.stack([-own, -past.cumsum(0), previous, -first], -1)

    def __repr__(self):
        return "camada em que cada coordenada lê outra coisa"


def _table(compare, where=slice(None)):
    """A prova: muda um token por vez e compara as saídas, (T, d) -> (T,)."""

    def table(f, x):
        columns = []
        for j in range(len(x)):
            changed = x.clone()
            changed[j, where] += 1
            columns.append(compare(f(changed), f(x)))
        return torch.stack(columns, dim=-1)

    return table


def _any_moved(after, before):
    return (after != before).any(-1)


def dependence(f, x: Tensor) -> Tensor:
    """Em [i, j], True se a saída i muda quando o token j muda."""
    return _table(_any_moved)(f, x)


def _only_first_column(f, x):
    table = torch.zeros(len(x), len(x), dtype=torch.bool)
    table[:, 0] = dependence(f, x)[:, 0]
    return table


def _never_restored(f, x):
    before, changed, columns = f(x), x.clone(), []
    for j in range(len(x)):
        changed[j] = changed[j] + 1
        columns.append((f(changed) != before).any(-1))
    return torch.stack(columns, dim=-1)


def _without_any(f, x):
    return _table(lambda after, before: after != before)(f, x).transpose(1, 2)


def _never_any(f, x):
    table = torch.zeros(len(x), len(x), dtype=torch.bool)
    for j in range(len(x)):
        changed = x.clone()
        changed[j] = x[j] + 1
        table[:, j] = f(changed) != f(x)
    return table


def _never_any_by_cell(f, x):
    table = torch.zeros(len(x), len(x), dtype=torch.bool)
    for j in range(len(x)):
        changed = x.clone()
        changed[j] = x[j] + 1
        for i in range(len(x)):
            table[i, j] = f(changed)[i] != f(x)[i]
    return table


def _any_of_all(f, x):
    return dependence(f, x).any(0).expand(len(x), -1)


def _gradient_size(f, x):
    jacobian = torch.autograd.functional.jacobian(f, x)  # (T, d, T, d)
    return jacobian.abs().sum((1, 3))


def _one_answer(f, x):
    return dependence(f, x).triu(1).any()


def _count(got, f, x):
    right = dependence(f, x)
    got = torch.as_tensor(got)
    return (
        f"Para a {f}, sua tabela tem {int(got.bool().sum())} células True; a certa "
        f"tem {int(right.sum())}."
    )


EXERCISES = [
    ValueExercise(
        id="6.1",
        answer=lambda: _hand_weight(2, 1, last=2),
        tolerance=0.0008,
        praise="e³ ÷ (e¹ + e³ + e²). O escore 4 de `miou` era o maior da linha, e não "
        "entrou em parte alguma da conta.",
        mistakes=[
            Mistake(
                "future-in-the-sum",
                lambda: _hand_weight(2, 1, last=3),
                "O futuro entrou na soma: você dividiu também por e⁴, de `miou`. Zerar "
                "o peso dele depois não basta; o −∞ vem antes da softmax.",
                HAND,
            ),
            Mistake(
                "zero-score",
                math.exp(3) / (math.exp(1) + math.exp(3) + math.exp(2) + 1),
                "0,644 sai de duas contas. O escore bloqueado trocado por 0: mas "
                "e⁰ = 1 ainda entra na soma, e quem dá exponencial 0 é −∞. Ou o peso "
                "de `miou`, sem máscara: a pergunta é `gato`, e `miou` está no futuro.",
                HAND,
            ),
            Mistake(
                "without-self",
                lambda: _hand_weight(2, 1, last=1),
                "Você deixou `preto` fora da soma. A máscara causal esconde o futuro; "
                "o próprio token continua à vista.",
                HAND,
            ),
            Mistake(
                "blocked",
                0.0,
                "Esse seria o peso de `miou`, que está no futuro. `gato` vem antes de "
                "`preto`: pode ser visto. A linha é a consulta, a coluna é a chave.",
                HAND,
            ),
            Mistake(
                "first-column",
                lambda: _hand_weight(2, 0, last=2),
                "Esse é o peso da primeira palavra, `o`. A pergunta é sobre `gato`.",
                HAND,
            ),
            Mistake(
                "column",
                lambda: float(BY_HAND[:3, 2].softmax(-1)[1]),
                "Você leu a tabela por coluna. A linha é a consulta: os escores de "
                "`preto` estão na terceira linha.",
                HAND,
            ),
            Mistake(
                "softmax-by-column",
                lambda: _weight_by_column(causal_mask(4)),
                "A softmax correu pelas colunas (`dim=0`). Quem reparte o peso é a "
                "consulta: some pela linha de `preto`.",
                HAND,
            ),
            Mistake(
                "softmax-by-column-unmasked",
                lambda: _weight_by_column(torch.ones(4, 4, dtype=torch.bool)),
                "A softmax correu pelas colunas (`dim=0`), e sem a máscara. Esconda o "
                "futuro, e some pela linha de `preto`.",
                HAND,
            ),
            Mistake(
                "scaled-again",
                lambda: float((BY_HAND[2, :3] / 2).softmax(-1)[1]),
                "Você dividiu outra vez por √d_k. Os escores da tabela já vêm "
                "divididos: siga direto para a exponencial.",
                HAND,
            ),
            Mistake(
                "own-weight",
                lambda: _hand_weight(2, 2, last=2),
                "Esse é o peso que `preto` dá a si mesmo. A pergunta é sobre `gato`.",
                HAND,
            ),
            Mistake(
                "row-of-gato",
                lambda: _hand_weight(1, 1, last=1),
                "Essa conta é da linha de `gato`, já feita na seção. Agora quem "
                "pergunta é `preto`, a terceira linha.",
                HAND,
            ),
            Mistake(
                "score",
                3.0,
                "3 é o escore. O peso vem depois: exponencial, e divisão pela soma das "
                "exponenciais visíveis.",
                HAND,
            ),
            Mistake(
                "only-exp",
                math.exp(3),
                "Você parou em e³. Falta dividir pela soma das exponenciais visíveis.",
                HAND,
            ),
            Mistake(
                "linear",
                3 / 6,
                "Você dividiu o escore pela soma dos escores (3 ÷ 6). A softmax aplica "
                "a exponencial antes de dividir.",
                HAND,
            ),
            Mistake(
                "linear-with-future",
                3 / 10,
                "Você dividiu o escore pela soma dos quatro (3 ÷ 10). Falta esconder "
                "`miou`, que está no futuro, e aplicar a exponencial.",
                HAND,
            ),
            Mistake(
                "visible-row",
                lambda: BY_HAND[2, :3].softmax(-1).tolist(),
                "Os três pesos visíveis estão certos; responda só com o de `gato`, o "
                "segundo número.",
                HAND,
            ),
            Mistake(
                "whole-row",
                lambda: [*BY_HAND[2, :3].softmax(-1).tolist(), 0.0],
                "A linha inteira está certa; responda só com o peso de `gato`, o "
                "segundo número.",
                HAND,
            ),
        ],
    ),
    FunctionExercise(
        id="6.2",
        reference=lambda T, window: window_mask(T, window),
        inputs=lambda: [(6, 3), (7, 2), (4, 1), (5, 9)],
        outputs=("mask",),
        praise="Com a janela maior que a frase, volta a causal inteira. Modelos para "
        "textos longos usam esta máscara: cada linha olha para no máximo `window` "
        "chaves, e um programa que pule as outras gasta menos.",
        mistakes=[
            Mistake(
                "inverted",
                lambda T, w: ~window_mask(T, w),
                "A polaridade está trocada: você marcou com True o que se deve "
                "esconder. Neste curso, como na SDPA, True quer dizer “pode olhar”.",
                BREAK,
                _future_seen,
            ),
            Mistake(
                "transposed",
                lambda T, w: window_mask(T, w).T,
                "Linhas e colunas estão trocadas: cada token olha para si e para os "
                "seguintes. A linha é a consulta; a coluna, a chave.",
                BREAK,
                _future_seen,
            ),
            Mistake(
                "no-window",
                lambda T, w: causal_mask(T),
                "Isso é a máscara causal sem a janela: as linhas de baixo ainda veem o "
                "começo da frase.",
                MASK,
                _row_count,
            ),
            Mistake(
                "two-sided",
                lambda T, w: _steps_back(T).abs() < w,
                "A janela ficou dos dois lados: com o valor absoluto da distância, o "
                "futuro próximo também aparece.",
                MASK,
                _future_seen,
            ),
            Mistake(
                "not-causal",
                lambda T, w: _steps_back(T) < w,
                "Só o limite do passado está lá. Para o futuro, `i − j` é negativo e "
                "também é menor que a janela: falta exigir `j <= i`.",
                MASK,
                _future_seen,
            ),
            Mistake(
                "or",
                lambda T, w: (_steps_back(T) >= 0) | (_steps_back(T) < w),
                "Você juntou as condições com “ou”: basta uma, e tudo ficou à vista. É "
                "preciso cumprir as duas: `&`.",
                MASK,
                _future_seen,
            ),
            Mistake(
                "joined-by-and",
                _joined_by_and,
                "`and`, a comparação encadeada (`0 <= back < window`) e o `&` sem "
                "parênteses pedem um True ou False só, e aqui há uma tabela. Use `&`, "
                "com cada condição entre parênteses.",
                MASK,
            ),
            Mistake(
                "negative-start",
                _negative_start,
                "No começo da frase, `i - window + 1` fica negativo, e o Python conta "
                "do fim: a fatia sai vazia. Comece em `max(0, i - window + 1)`.",
                MASK,
                _row_count,
            ),
            Mistake(
                "negative-column",
                _negative_column,
                "No começo da frase, o `j` fica negativo, e o Python conta do fim: a "
                "linha 0 passa a ver o fim da frase. Comece em `max(0, i - window + "
                "1)`.",
                MASK,
                _future_seen,
            ),
            Mistake(
                "window-in-tril",
                lambda T, w: torch.ones(T, T).tril(w).bool(),
                "`tril(window)` empurra a diagonal para a direita: aparecem `window` "
                "casas do futuro. O que se corta é o passado distante.",
                MASK,
                _future_seen,
            ),
            Mistake(
                "only-outside",
                lambda T, w: torch.ones(T, T).tril(-w).bool(),
                "`tril(-window)` marca o que ficou para trás da janela: é o que se "
                "deve esconder. Tire essas células da máscara causal.",
                MASK,
                _row_count,
            ),
            Mistake(
                "one-too-many",
                lambda T, w: (_steps_back(T) >= 0) & (_steps_back(T) <= w),
                "A janela saiu com um token a mais: o próprio token já conta como um. "
                "Com janela 1, cada um só vê a si mesmo.",
                MASK,
                _row_count,
            ),
            Mistake(
                "short-window",
                lambda T, w: (_steps_back(T) >= 0) & (_steps_back(T) < w - 1),
                "A janela saiu com um token a menos: com janela 1, cada um ainda vê a "
                "si mesmo. Confira o limite do passado.",
                MASK,
                _row_count,
            ),
            Mistake(
                "without-self",
                lambda T, w: (_steps_back(T) > 0) & (_steps_back(T) <= w),
                "O próprio token ficou de fora, e a linha 0 não vê nada. É o engano da "
                "diagonal bloqueada.",
                BREAK,
                _row_count,
            ),
            Mistake(
                "one-too-few",
                lambda T, w: (_steps_back(T) > 0) & (_steps_back(T) < w),
                "Falta o próprio token: use `>= 0`, não `> 0`. Assim a linha 0 não vê "
                "nada.",
                BREAK,
                _row_count,
            ),
            Mistake(
                "next-token",
                lambda T, w: (_steps_back(T) >= -1) & (_steps_back(T) < w),
                "Há uma casa a mais: cada token vê o seguinte, que é justamente a "
                "resposta. Confira o `tril(1)` ou o `<=` a mais.",
                BREAK,
                _future_seen,
            ),
            Mistake(
                "first-keys",
                _first_keys,
                "A janela ficou parada no começo da frase. Ela deve andar com a "
                "consulta: o que conta é a distância `i − j`, não a posição `j`.",
                MASK,
                _last_row,
            ),
            Mistake(
                "additive",
                lambda T, w: torch.zeros(T, T).masked_fill(
                    ~window_mask(T, w), -torch.inf
                ),
                "Você fez a máscara de números, 0 e −∞, para somar aos escores. Ela "
                "funciona na SDPA, mas aqui se pede a booleana: True = pode olhar.",
                MASK,
                _not_booleans,
            ),
        ],
    ),
    FunctionExercise(
        id="6.3",
        reference=lambda lengths, T: batch_mask(lengths, T),
        inputs=lambda: [([3, 5], 5), (torch.tensor([2, 6, 4]), 6)],
        outputs=("mask",),
        praise="O & exige as duas permissões. O eixo de tamanho 1 é o das cabeças: a "
        "mesma máscara serve a todas.",
        mistakes=[
            Mistake(
                "or",
                lambda n, T: causal_mask(T) | padding_mask(n, T),
                "Você juntou com “ou” (`|`, ou a soma de dois booleanos): basta uma "
                "permissão. É preciso ter as duas.",
                PADDING,
                _short_sentence,
            ),
            Mistake(
                "summed",
                lambda n, T: causal_mask(T).int() + padding_mask(n, T).int(),
                "Você somou números: 2 onde há as duas permissões, 1 onde há só uma. "
                "Com booleanos e `&`, fica True só onde há as duas.",
                PADDING,
                lambda got, *inputs: (
                    f"O maior número é {int(torch.as_tensor(got).max())}."
                ),
            ),
            Mistake(
                "joined-by-and",
                lambda n, T: causal_mask(T) and padding_mask(n, T),
                "`and` pede um True ou False só, e aqui há tabelas. Use `&`, que "
                "compara célula a célula.",
                PADDING,
            ),
            Mistake(
                "one-size-each",
                lambda n, T: torch.stack([causal_mask(int(size)) for size in n]),
                "Você fez uma causal do tamanho de cada frase, e tamanhos diferentes "
                "não se empilham. A causal é uma só, (T, T); quem muda de frase para "
                "frase é o padding.",
                PADDING,
            ),
            Mistake(
                "rows",
                lambda n, T: causal_mask(T) & _rows(n, T),
                "Você mascarou as linhas. A máscara de padding esconde chaves, que são "
                "colunas. As linhas do padding podem olhar: os alvos delas são "
                "ignorados, e ninguém as lê.",
                PADDING,
            ),
            Mistake(
                "only-causal",
                lambda n, T: _whole(causal_mask(T), n, T),
                "Só a causal está aí. Falta o padding: as linhas do fim da frase curta "
                "ainda veem chaves que não são tokens.",
                PADDING,
                _short_sentence,
            ),
            Mistake(
                "only-causal-2d",
                lambda n, T: causal_mask(T),
                "Você devolveu só a máscara causal: ela não depende de `lengths`.",
                PADDING,
            ),
            Mistake(
                "only-padding",
                lambda n, T: padding_mask(n, T),
                "Você devolveu só a máscara de padding: ela não esconde o futuro.",
                PADDING,
            ),
            Mistake(
                "only-padding-expanded",
                lambda n, T: _whole(padding_mask(n, T), n, T),
                "Só o padding está escondido: o futuro continua à vista.",
                PADDING,
                _short_sentence,
            ),
            Mistake(
                "inverted",
                lambda n, T: ~batch_mask(n, T),
                "A polaridade está trocada: True quer dizer “pode olhar”, e você "
                "marcou o que se deve esconder.",
                BREAK,
                _short_sentence,
            ),
            Mistake(
                "inverted-padding",
                lambda n, T: causal_mask(T) & ~padding_mask(n, T),
                "O padding ficou invertido: você deixou à vista só as chaves que não "
                "são tokens.",
                BREAK,
                _short_sentence,
            ),
            Mistake(
                "inverted-causal",
                lambda n, T: ~causal_mask(T) & padding_mask(n, T),
                "A causal ficou invertida: cada token só vê o futuro.",
                BREAK,
                _short_sentence,
            ),
            Mistake(
                "transposed-causal",
                lambda n, T: causal_mask(T).T & padding_mask(n, T),
                "A causal está transposta: cada token vê a si e o que vem depois.",
                BREAK,
                _short_sentence,
            ),
            Mistake(
                "no-head-axis",
                lambda n, T: batch_mask(n, T)[:, 0],
                "Os valores estão certos, mas falta o eixo das cabeças: (B, T, T) não "
                "combina com escores (B, H, T, T). O pedido é (B, 1, T, T).",
                PADDING,
            ),
            Mistake(
                "one-pad-too-many",
                lambda n, T: (
                    causal_mask(T)
                    & (torch.arange(T) <= torch.as_tensor(n)[:, None])[:, None, None]
                ),
                "Uma chave de padding ficou à vista: com `lengths` = 3, as posições de "
                "verdade são 0, 1 e 2. Use `<`, não `<=`.",
                PADDING,
                _short_sentence,
            ),
            Mistake(
                "padding-on-the-left",
                lambda n, T: causal_mask(T) & padding_mask(n, T).flip(-1),
                "Você supôs o padding à esquerda. Aqui os tokens de verdade vêm "
                "primeiro, e o padding fica no fim.",
                PADDING,
                _short_sentence,
            ),
            Mistake(
                "additive",
                lambda n, T: torch.zeros(len(n), 1, T, T).masked_fill(
                    ~batch_mask(n, T), -torch.inf
                ),
                "Você fez a máscara de números, 0 e −∞, para somar aos escores. Ela "
                "funciona na SDPA, mas aqui se pede a booleana: True = pode olhar.",
                PADDING,
                _not_booleans,
            ),
        ],
    ),
    FunctionExercise(
        id="6.4",
        reference=masked_layer,
        inputs=lambda: [
            (_new_layer(1, 6, 3), *sample(61, (2, 5, 6)), [3, 5]),
            (_new_layer(2, 8, 2), *sample(62, (3, 4, 8)), [4, 2, 3]),
        ],
        outputs=("output", "weights"),
        praise="Os dois `~` fazem a conversão. Nenhum erro avisaria: prove sempre a "
        "máscara com os pesos na mão.",
        mistakes=[
            Mistake(
                "both-as-they-were",
                _layer_with(_same, _same),
                "O erro continua ali. Rode `fixed_layer(*case('6.4'))[1]` e olhe "
                "os pesos da primeira frase: para onde a linha 0 está olhando?",
                PADDING,
                _layer_numbers,
                untouched=True,
            ),
            Mistake(
                "only-causal-inverted",
                _layer_with(_inverted, _same),
                "A causal está certa. A de padding ainda não: `key_padding_mask` "
                "também quer True no que se deve esconder.",
                PADDING,
                _layer_numbers,
            ),
            Mistake(
                "only-padding-inverted",
                _layer_with(_same, _inverted),
                "A de padding está certa. A causal ainda não: `attn_mask` booleana, "
                "nesta camada, quer True no que se deve esconder.",
                PADDING,
                _layer_numbers,
            ),
            Mistake(
                "transposed-not-inverted",
                _layer_with(lambda m: m.T, _inverted),
                "Bloquear o triângulo de cima com a diagonal (`.T`, ou `triu()` sem o "
                "1) não é inverter: a linha 0 fica sem chave nenhuma. Use `~`.",
                BREAK,
                _layer_numbers,
            ),
            Mistake(
                "only-transposed",
                _layer_with(lambda m: m.T, _same),
                "Transpor não é inverter: a diagonal também fica bloqueada. E o "
                "padding ainda não foi invertido. Use `~` nas duas.",
                BREAK,
                _layer_numbers,
            ),
            Mistake(
                "no-masks",
                lambda layer, x, n: layer(x, x, x),
                "Sem máscara nenhuma, roda, mas o futuro e o padding ficam à vista.",
                BREAK,
                _layer_numbers,
            ),
            Mistake(
                "numbers-in-both",
                lambda layer, x, n: layer(
                    x,
                    x,
                    x,
                    attn_mask=(~causal_mask(x.shape[1])).float(),
                    key_padding_mask=(~padding_mask(n, x.shape[1]))[:, 0, 0].float(),
                ),
                "Máscara de números se soma aos escores: o 1 aumenta os que se queria "
                "esconder. Tire o `.float()`: a booleana invertida basta.",
                BREAK,
                _layer_numbers,
            ),
            Mistake(
                "numbers-in-the-causal",
                _layer_with(lambda m: (~m).float(), _inverted),
                "A de padding está certa. A causal é de números, e eles se somam aos "
                "escores: o 1 aumenta os que se queria esconder. Tire o `.float()`.",
                BREAK,
                _layer_numbers,
            ),
            Mistake(
                "numbers-in-the-padding",
                _layer_with(_inverted, lambda m: (~m).float()),
                "A causal está certa. A de padding é de números, e eles se somam aos "
                "escores: o 1 aumenta os que se queria esconder. Tire o `.float()`.",
                PADDING,
                _layer_numbers,
            ),
            Mistake(
                "no-padding",
                _layer_with(_inverted, None),
                "A causal está certa, mas o padding sumiu: as chaves que não são "
                "tokens voltaram a pesar.",
                PADDING,
                _layer_numbers,
            ),
            Mistake(
                "no-causal",
                lambda layer, x, n: layer(
                    x, x, x, key_padding_mask=~padding_mask(n, x.shape[1])[:, 0, 0]
                ),
                "O padding está escondido, mas o futuro não: falta a máscara causal.",
                BREAK,
                _layer_numbers,
            ),
            Mistake(
                "zeros-and-ones",
                _layer_with(lambda m: m.float(), _inverted),
                "Máscara de números se soma aos escores: 0 e 1 só os mexem um pouco, e "
                "nada fica escondido. Use a booleana invertida, ou 0 e −∞.",
                BREAK,
                _layer_numbers,
            ),
            Mistake(
                "swapped",
                lambda layer, x, n: masked_layer(layer, x, n)[::-1],
                "As máscaras estão certas, mas a ordem da saída mudou: primeiro "
                "`output`, depois `weights`.",
                PADDING,
            ),
        ],
    ),
    FunctionExercise(
        id="6.5",
        reference=lambda f, x: dependence(f, x),
        inputs=lambda: [
            (LAYERS[0], *sample(63, (5, 3))),
            (LAYERS[1], *sample(64, (6, 4))),
            (LAYERS[2], *sample(65, (7, 2))),
            (ByCoordinate(), *sample(66, (5, 4))),
        ],
        outputs=("table",),
        praise="Esta tabela serve para qualquer camada, não só para a atenção. "
        "Um True acima da diagonal é vazamento, como na segunda camada da correção; "
        "abaixo dela, um False diz que aquele passado não chega.",
        mistakes=[
            Mistake(
                "transposed",
                lambda f, x: dependence(f, x).T,
                "A tabela está transposta: a saída que mudou é a linha, e o token "
                "trocado é a coluna. Grave em `table[:, j]`, ou empilhe com `dim=1`.",
                PROOF,
            ),
            Mistake(
                "never-restored",
                _never_restored,
                "As trocas se acumularam: ao mexer no token j, os anteriores "
                "continuavam mexidos. A cada volta, comece de `x.clone()`.",
                PROOF,
                _count,
            ),
            Mistake(
                "inverted",
                lambda f, x: ~dependence(f, x),
                "Está ao contrário: você marcou com True o que ficou igual. True é o "
                "que mudou (`!=`).",
                PROOF,
                _count,
            ),
            Mistake(
                "only-future",
                lambda f, x: dependence(f, x).triu(1),
                "Você guardou só o que está acima da diagonal. O vazamento está aí, "
                "mas o alcance do passado também se prova: devolva a tabela inteira.",
                PROOF,
                _count,
            ),
            Mistake(
                "only-past",
                lambda f, x: dependence(f, x).tril(),
                "Você guardou só a parte de baixo. O vazamento aparece acima da "
                "diagonal: sem ela, a segunda camada passaria por certa.",
                PROOF,
                _count,
            ),
            Mistake(
                "expected-mask",
                lambda f, x: causal_mask(len(x)),
                "Você devolveu a máscara que se espera, sem olhar para `f`. A prova "
                "mede o que a função faz, e há funções que vazam.",
                PROOF,
                _count,
            ),
            Mistake(
                "input-against-input",
                lambda f, x: torch.eye(len(x), dtype=torch.bool),
                "Só a diagonal saiu True. Ou você comparou as entradas, e não as "
                "saídas (`f(changed)` com `f(x)`); ou gravou só em `[j, j]`, e não na "
                "coluna inteira.",
                PROOF,
                _count,
            ),
            Mistake(
                "without-any",
                _without_any,
                "Você comparou número a número e parou. Falta um `.any(-1)`: a saída i "
                "mudou se qualquer coordenada dela mudou.",
                PROOF,
            ),
            Mistake(
                "assigned-without-any",
                _never_any,
                "A comparação dá uma tabela (T, d), que não cabe na coluna de T casas. "
                "Falta um `.any(-1)`: a linha mudou se qualquer número dela mudou.",
                PROOF,
            ),
            Mistake(
                "cell-without-any",
                _never_any_by_cell,
                "A comparação da linha i dá d números, e a casa `table[i, j]` guarda "
                "um só. Falta um `.any()`: a linha mudou se algum número dela mudou.",
                PROOF,
            ),
            Mistake(
                "any-of-all",
                _any_of_all,
                "A tabela inteira saiu True. Ou ela não vem da comparação das saídas; "
                "ou um `.any()` juntou todas as linhas em uma resposta só. Com "
                "`.any(-1)`, sai uma resposta por linha.",
                PROOF,
                _count,
            ),
            Mistake(
                "all-in-the-row",
                _table(lambda after, before: (after != before).all(-1)),
                "Você pediu que todas as coordenadas da linha mudassem (`.all`). Basta "
                "que uma mude.",
                PROOF,
                _count,
            ),
            Mistake(
                "one-coordinate",
                _table(lambda after, before: (after != before)[:, 0]),
                "A prova olhou para uma coordenada só. Mude o vetor inteiro do token "
                "(`changed[j]`, e não `changed[j, 0]`), e compare a linha inteira da "
                "saída, não só a coluna 0.",
                PROOF,
                _count,
            ),
            Mistake(
                "without-abs",
                _table(lambda after, before: (after - before).amax(-1) > 0),
                "Você só contou as saídas que aumentaram. Diminuir também é mudar: "
                "compare com `!=`, ou tire o sinal com `.abs()`.",
                PROOF,
                _count,
            ),
            Mistake(
                "return-in-the-loop",
                _only_first_column,
                "Só a coluna 0 foi preenchida. Há um `return` dentro do laço? Ele para "
                "tudo na primeira volta.",
                PROOF,
                _count,
            ),
            Mistake(
                "gradient-size",
                _gradient_size,
                "Você devolveu o tamanho do gradiente. O pedido é só se há "
                "dependência: compare com `!= 0`.",
                PROOF,
            ),
            Mistake(
                "magnitude",
                _table(lambda after, before: (after - before).abs().amax(-1)),
                "Você devolveu o tamanho da mudança. O pedido é só se mudou: compare "
                "com `!= 0`.",
                PROOF,
            ),
            Mistake(
                "one-answer",
                _one_answer,
                "Você devolveu um veredito só. O pedido é a tabela (T, T), que mostra "
                "onde vaza.",
                PROOF,
            ),
        ],
    ),
]
