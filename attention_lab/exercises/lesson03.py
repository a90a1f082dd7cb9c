"""Exercícios do caderno 03: escores, softmax e autoatenção sem parâmetros."""

import math

import torch

from attention_lab.attention import dot_scores, self_attention, softmax
from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    ValueExercise,
    decimal,
    sample,
)

# Os três vetores da seção "À mão": gato, telhado, miou.
BY_HAND = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

HAND, ONE_QUERY, MATRIX, EXP, BREAK = (
    "seção 2, “À mão”",
    "seção 3, “Exemplo resolvido”",
    "seção 4, “Do laço à matriz”",
    "seção 5, “Por que softmax”",
    "seção 6, “Quebre de propósito”",
)


def without_self(x):
    """Autoatenção em que nenhum token pode olhar para si mesmo."""
    diagonal = torch.eye(x.shape[-2], dtype=torch.bool)
    weights = softmax(dot_scores(x, x).masked_fill(diagonal, -torch.inf))
    return weights @ x, weights


def _row_sums(got, *inputs):
    sums = torch.as_tensor(got).sum(-1).flatten()[:3]
    texto = "; ".join(decimal(float(s)) for s in sums)
    return f"As primeiras linhas somam {texto}; cada uma deveria somar 1,000."


def _naive(scores):
    exps = scores.exp()
    return exps / exps.sum(-1, keepdim=True)


def _nan_count(limit="e⁸⁹ já é infinito"):
    def sentence(got, scores, factor):
        nan = int(torch.as_tensor(got).isnan().sum())
        low, high = (decimal(float(factor * e), 0) for e in scores.aminmax())
        return (
            f"Com escores (já multiplicados) de {low} a {high}, vieram {nan} nan; em "
            f"float32, {limit}."
        )

    return sentence


VANISHED = "e⁻¹⁰⁴ já é 0"


def _weight_row_sums(got, *inputs):
    return _row_sums(got[1] if isinstance(got, list | tuple) else got)


def _only_first(columns):
    """Os escores de quem sai do laço na primeira linha, com tantas colunas feitas."""

    def wrong(q, k):
        table = torch.zeros(len(q), len(k))
        table[0, :columns] = k[:columns] @ q[0]
        return table

    return wrong


def _row_exps(scores):
    return (scores - scores.amax(-1, keepdim=True)).exp()


def _zero_diagonal_scores(x):
    scores = dot_scores(x, x)
    weights = softmax(scores * (1 - torch.eye(len(x))))
    return weights @ x, weights


def _zero_after(x):
    weights = softmax(dot_scores(x, x)) * (1 - torch.eye(len(x)))
    return weights @ x, weights


def _mixed(x, weights):
    return weights @ x, weights


def _blocked(x, value):
    """Os escores com `value` na diagonal."""
    return (x @ x.T).masked_fill(torch.eye(len(x), dtype=torch.bool), value)


def _block_with(value):
    return lambda x: _mixed(x, softmax(_blocked(x, value)))


def _subtract(value):
    return lambda x: _mixed(x, softmax(x @ x.T - value * torch.eye(len(x))))


def _without_self_weights(x, scale):
    diagonal = torch.eye(len(x), dtype=torch.bool)
    return softmax((scale * (x @ x.T)).masked_fill(diagonal, -torch.inf))


def _renormalised(x, exps):
    exps = exps * (1 - torch.eye(len(x)))
    return exps / exps.sum(-1, keepdim=True)


def _exps_without_diagonal(x):
    exps = _blocked(x, -torch.inf).exp()
    return _mixed(x, exps / exps.sum(-1, keepdim=True))


def _own_weight(got, x):
    own = float(torch.as_tensor(got[1]).diagonal().max())
    return (
        "Neste caso, o maior peso de um token em si mesmo ficou "
        f"{decimal(own, 3 if own > 0.01 else 6)}; deveria ser 0."
    )


FINITE = (
    "Você usou um número finito no lugar de −∞. Enquanto os escores são pequenos, "
    "parece bloqueado; com escores grandes, o token volta a olhar para si. Com −∞, o "
    "peso é exatamente 0."
)
OVERFLOW = (
    "A ideia está certa, mas a exponencial estoura com escores grandes. Subtraia antes "
    "o máximo de cada linha."
)


def _infinite_weights(x):
    diagonal = torch.eye(len(x), dtype=torch.bool)
    return _mixed(x, softmax(x @ x.T).masked_fill(diagonal, -torch.inf))


def _only_self(x):
    weights = torch.eye(len(x))
    return weights @ x, weights


def _no_future(x):
    blocked = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
    weights = softmax(dot_scores(x, x).masked_fill(blocked, -torch.inf))
    return weights @ x, weights


def _uniform_others(x):
    weights = (1 - torch.eye(len(x))) / (len(x) - 1)
    return weights @ x, weights


def _swapped_pair(x):
    return without_self(x)[::-1]


def _fixed(x):
    return self_attention(x)


def _softmax_over(dim):
    def wrong(x):
        weights = torch.softmax(dot_scores(x, x), dim)
        return weights @ x, weights

    return wrong


def _hand_weight(i, j):
    return float(self_attention(BY_HAND)[1][i, j])


EXERCISES = [
    FunctionExercise(
        id="3.1",
        reference=lambda q, k: dot_scores(q, k),
        inputs=lambda: [sample(1, (5, 3), (7, 3)), sample(2, (1, 4), (6, 4))],
        outputs=("scores",),
        praise="Cada linha é uma consulta, cada coluna uma chave. "
        "Experimente com consultas e chaves iguais: a matriz fica simétrica.",
        mistakes=[
            Mistake(
                "transposed",
                lambda q, k: k @ q.T,
                "Você pôs as chaves nas linhas e as consultas nas colunas. A tabela "
                "tem uma linha por consulta: o escore da consulta i com a chave j "
                "fica em [i, j].",
                MATRIX,
            ),
            Mistake(
                "no-transpose",
                lambda q, k: q @ k,
                "Você multiplicou as duas matrizes sem transpor a segunda. O produto "
                "de matrizes combina linhas com colunas, e aqui queremos linhas com "
                "linhas: falta um `.T` em k.",
                MATRIX,
            ),
            Mistake(
                "cosine",
                lambda q, k: (
                    (q / q.norm(dim=-1, keepdim=True))
                    @ (k / k.norm(dim=-1, keepdim=True)).T
                ),
                "Você calculou o cosseno: dividiu pelos comprimentos dos vetores. O "
                "escore pedido é o produto escalar puro, em que o comprimento conta.",
                HAND,
            ),
            Mistake(
                "only-queries",
                lambda q, k: q @ q.T,
                "Você comparou as consultas entre si: k não entrou na conta.",
                MATRIX,
            ),
            Mistake(
                "only-keys",
                lambda q, k: k @ k.T,
                "Você comparou as chaves entre si: q não entrou na conta.",
                MATRIX,
            ),
            Mistake(
                "products-not-summed",
                lambda q, k: q[:, None, :] * k[None, :, :],
                "Você multiplicou coordenada por coordenada e não somou. O produto "
                "escalar é a soma desses produtos: um número por par.",
                HAND,
            ),
            Mistake(
                "mean",
                lambda q, k: q @ k.T / q.shape[-1],
                "Você tirou a média dos produtos em vez da soma: o resultado saiu "
                "dividido por d.",
                HAND,
            ),
            Mistake(
                "scaled",
                lambda q, k: q @ k.T / math.sqrt(q.shape[-1]),
                "Você já dividiu por √d. Essa divisão chega no caderno 04; aqui o "
                "escore é o produto escalar puro.",
                HAND,
            ),
            Mistake(
                "already-softmax",
                lambda q, k: softmax(q @ k.T),
                "Você devolveu os pesos, já depois da softmax. Escore é o número de "
                "antes: pode ser negativo e não soma 1.",
                EXP,
                lambda got, *inputs: (
                    "A primeira linha soma "
                    f"{decimal(float(torch.as_tensor(got)[0].sum()))}: são pesos."
                ),
            ),
            Mistake(
                "exponential",
                lambda q, k: (q @ k.T).exp(),
                "Você já passou os escores pela exponencial. Esse é o passo 2; o "
                "exercício pede só o passo 1, comparar.",
                HAND,
            ),
            Mistake(
                "reshaped",
                lambda q, k: q @ k.reshape(k.shape[1], k.shape[0]),
                "Você usou `reshape` ou `view` no lugar da transposta. A forma fica "
                "certa, mas os números são relidos em outra ordem: linhas não viram "
                "colunas.",
                MATRIX,
            ),
            Mistake(
                "elementwise",
                lambda q, k: q * k,
                "`*` multiplica casa a casa; o produto de matrizes é `@`.",
                HAND,
            ),
            Mistake(
                "elementwise-summed",
                lambda q, k: (q * k).sum(-1),
                "`*` multiplica casa a casa; o produto de matrizes é `@`. Ele compara "
                "cada consulta com todas as chaves, e já soma.",
                HAND,
            ),
            Mistake(
                "early-return",
                _only_first(None),
                "Só a primeira linha foi preenchida: o `return` está dentro do laço, e "
                "a função sai na primeira volta.",
                MATRIX,
            ),
            Mistake(
                "early-return-inside",
                _only_first(1),
                "Só a primeira casa foi preenchida: o `return` está no laço de dentro, "
                "e a função sai no primeiro par. Ele vai depois dos dois laços.",
                MATRIX,
            ),
            Mistake(
                "distance",
                lambda q, k: torch.cdist(q, k),
                "Você mediu a distância entre os vetores. Na distância, parecido dá "
                "número pequeno; no produto escalar, dá número grande.",
                HAND,
            ),
        ],
    ),
    ValueExercise(
        id="3.2",
        answer=lambda: _hand_weight(0, 2),
        tolerance=0.0006,
        praise="e² ÷ (e⁴ + e⁰ + e²). O escore de `miou` é a metade do de `gato` (2 e "
        "4), mas o peso é o dele dividido por e².",
        mistakes=[
            Mistake(
                "score",
                2.0,
                "2 é o escore, o produto escalar. O peso vem depois: passe a linha "
                "inteira pela exponencial e divida pela soma.",
                HAND,
            ),
            Mistake(
                "forgot-zero",
                math.exp(2) / (math.exp(4) + math.exp(2)),
                "Faltou uma parcela na soma: o escore de `telhado` é 0, mas e⁰ = 1 "
                "também conta.",
                HAND,
            ),
            Mistake(
                "against-self-only",
                math.exp(2) / math.exp(4),
                "Você dividiu por uma exponencial só, e² ÷ e⁴. Divida pela soma das "
                "três exponenciais da linha.",
                HAND,
            ),
            Mistake(
                "other-column",
                lambda: _hand_weight(0, 1),
                "Esse é o peso de `telhado` na linha de `gato`. A pergunta é sobre a "
                "coluna de `miou`.",
                HAND,
            ),
            Mistake(
                "sum",
                math.exp(4) + 1 + math.exp(2),
                "Essa é a soma das exponenciais da linha, o divisor do passo 3. Falta "
                "dividir a exponencial de `miou` por ela.",
                HAND,
            ),
            Mistake(
                "whole-row",
                lambda: [_hand_weight(0, j) for j in range(3)],
                "A linha inteira está certa; responda só com o peso de `miou`, o "
                "terceiro número.",
                HAND,
            ),
            Mistake(
                "only-exp",
                math.exp(2),
                "Você parou em e². Falta dividir pela soma das exponenciais da linha.",
                HAND,
            ),
            Mistake(
                "linear",
                2 / 6,
                "Você dividiu o escore pela soma dos escores (2 ÷ 6). A softmax aplica "
                "a exponencial antes de dividir.",
                EXP,
            ),
            Mistake(
                "transposed",
                lambda: _hand_weight(2, 0),
                "Esse é o peso de `gato` na linha de `miou`. Os escores são iguais nos "
                "dois sentidos, os pesos não: cada linha se divide pela sua soma.",
                HAND,
            ),
            Mistake(
                "without-self",
                math.exp(2) / (1 + math.exp(2)),
                "Você deixou `gato` fora da soma. Nesta versão, cada token também olha "
                "para si mesmo.",
                HAND,
            ),
            Mistake(
                "self",
                lambda: _hand_weight(0, 0),
                "Esse é o peso que `gato` dá a si mesmo. A pergunta é sobre a coluna "
                "de `miou`.",
                HAND,
            ),
            Mistake(
                "scaled",
                lambda: float((BY_HAND[0] @ BY_HAND.T / 2**0.5).softmax(-1)[2]),
                "Você dividiu os escores por √2 antes da softmax. Essa divisão chega "
                "no caderno 04.",
                HAND,
            ),
        ],
    ),
    FunctionExercise(
        id="3.3",
        reference=lambda scores, factor: softmax(factor * scores),
        inputs=lambda: [
            (*sample(3, (5, 7)), 0.5),
            (*sample(4, (2, 5, 7)), 3.0),
            (1000 * sample(5, (3, 4))[0], 2.0),
            (torch.tensor([[-500.0, -501.0, -502.0], [0.0, 1000.0, 1.0]]), 4.0),
        ],
        outputs=("weights",),
        gradient=True,
        by_hand=("softmax", "log_softmax", "Softmax"),
        praise="Estável até com escores de milhares: subtrair o máximo de cada linha "
        "não muda os pesos, só impede o estouro.",
        mistakes=[
            Mistake(
                "overflow",
                lambda s, f: _naive(f * s),
                "A conta está certa no papel, mas estoura: para escores grandes, "
                "`exp` dá infinito, e infinito ÷ infinito não é número.",
                BREAK,
                _nan_count(),
            ),
            Mistake(
                "table-maximum",
                lambda s, f: _naive(f * s - (f * s).max()),
                "Você subtraiu o máximo da tabela inteira. Uma linha muito abaixo dele "
                "fica só com exponenciais nulas, e 0 ÷ 0 não é número. Use o máximo "
                "de cada linha.",
                BREAK,
                _nan_count(VANISHED),
            ),
            Mistake(
                "largest-size",
                lambda s, f: _naive(f * s - (f * s).abs().amax(-1, keepdim=True)),
                "Você subtraiu o maior valor absoluto. Se ele é o de um escore muito "
                "negativo, todas as exponenciais da linha viram 0. Use o máximo.",
                BREAK,
                _nan_count(VANISHED),
            ),
            Mistake(
                "mean",
                lambda s, f: _naive(f * s - (f * s).mean(-1, keepdim=True)),
                "Você subtraiu a média. Os pesos não mudam, mas o maior escore ainda "
                "pode estourar; só o máximo garante que nenhum expoente passe de 0.",
                BREAK,
                _nan_count(),
            ),
            Mistake(
                "minimum",
                lambda s, f: _naive(f * s - (f * s).amin(-1, keepdim=True)),
                "Você subtraiu o mínimo. Os pesos não mudam, mas o maior expoente pode "
                "estourar; só o máximo garante que nenhum passe de 0.",
                BREAK,
                _nan_count(),
            ),
            Mistake(
                "no-factor",
                lambda s, f: torch.softmax(s, -1),
                "O fator não mudou nada: os pesos são os de `factor` = 1. Se você o "
                "somou aos escores, lembre-se: a softmax só vê diferenças. Se "
                "multiplicou as exponenciais, ele se cancela na divisão.",
                EXP,
            ),
            Mistake(
                "factor-after",
                lambda s, f: f * torch.softmax(s, -1),
                "Você multiplicou os pesos pelo fator. Ele multiplica os escores, "
                "antes da softmax; depois dela, as linhas deixam de somar 1.",
                EXP,
                _row_sums,
            ),
            Mistake(
                "factor-divides",
                lambda s, f: torch.softmax(s / f, -1),
                "Você dividiu os escores pelo fator. Um fator maior deve concentrar os "
                "pesos; com a divisão, espalha.",
                EXP,
            ),
            Mistake(
                "no-keepdim",
                lambda s, f: f * s - (f * s).amax(-1),
                "Faltou `keepdim=True` no `amax` ou no `sum`. Sem ele, o resultado "
                "perde o último eixo e não se alinha com as linhas da tabela.",
                MATRIX,
            ),
            Mistake(
                "max-pair",
                lambda s, f: f * s - (f * s).max(-1, keepdim=True),
                "`max` com eixo devolve um par: os valores e as posições. Use "
                "`.values`, ou `amax`.",
                BREAK,
            ),
            Mistake(
                "columns",
                lambda s, f: torch.softmax(f * s, -2),
                "Você normalizou as colunas (dim=-2). Quem reparte o peso é a "
                "consulta, e cada consulta é uma linha: dim=-1.",
                BREAK,
                _row_sums,
            ),
            Mistake(
                "first-axis",
                lambda s, f: torch.softmax(f * s, 0),
                "Você normalizou ao longo do eixo 0. Numa matriz, isso faz cada coluna "
                "somar 1; num batch, mistura frases diferentes. Use dim=-1.",
                BREAK,
                _row_sums,
            ),
            Mistake(
                "axis-1",
                lambda s, f: torch.softmax(f * s, 1),
                "Você normalizou o eixo 1. Numa matriz ele é o último, e dá certo; num "
                "batch (B, T_q, T_k), não é. Conte do fim: dim=-1.",
                BREAK,
                _row_sums,
            ),
            Mistake(
                "everything",
                lambda s, f: (
                    (f * s - (f * s).max()).exp() / (f * s - (f * s).max()).exp().sum()
                ),
                "Você dividiu pela soma da tabela inteira. Cada linha é uma repartição "
                "à parte: some só ao longo da linha, com `keepdim=True`.",
                EXP,
                _row_sums,
            ),
            Mistake(
                "everything-by-rows",
                lambda s, f: _row_exps(f * s) / _row_exps(f * s).sum(),
                "O máximo é o de cada linha, e está certo. Mas você dividiu pela soma "
                "da tabela inteira: some ao longo da linha, `sum(-1, keepdim=True)`.",
                EXP,
                _row_sums,
            ),
            Mistake(
                "mixed-axes",
                lambda s, f: _row_exps(f * s) / _row_exps(f * s).sum(0, keepdim=True),
                "O máximo é o de cada linha, e está certo. Mas a soma correu pelo eixo "
                "0: some também ao longo da linha, `sum(-1, keepdim=True)`.",
                BREAK,
                _row_sums,
            ),
            Mistake(
                "linear",
                lambda s, f: f * s / (f * s).sum(-1, keepdim=True),
                "Você dividiu cada escore pela soma da linha, sem a exponencial. Com "
                "escores negativos saem pesos negativos, ou maiores que 1.",
                EXP,
                lambda got, *inputs: (
                    "O menor peso que veio é "
                    f"{decimal(float(torch.as_tensor(got).min()))}."
                ),
            ),
            Mistake(
                "not-normalised",
                lambda s, f: (f * s - (f * s).amax(-1, keepdim=True)).exp(),
                "Você aplicou a exponencial e parou. Falta dividir pela soma da linha.",
                EXP,
                _row_sums,
            ),
            Mistake(
                "hard",
                lambda s, f: (s == s.amax(-1, keepdim=True)).float(),
                "Você deu peso 1 ao maior e 0 aos outros. Isso é escolher o máximo "
                "(hardmax): o gradiente dele é zero, e nada se aprende. A softmax é a "
                "versão suave.",
                EXP,
            ),
        ],
    ),
    FunctionExercise(
        id="3.4",
        reference=lambda x: self_attention(x),
        inputs=lambda: [sample(6, (2, 5, 3)), sample(7, (4, 6, 2))],
        outputs=("output", "weights"),
        praise="dim=-1 funciona com e sem batch. Some as linhas sempre: é a "
        "conferência mais barata que há.",
        mistakes=[
            Mistake(
                "batch-axis",
                _softmax_over(0),
                "O erro continua ali. Some as linhas dos pesos: "
                "`fixed_attention(torch.randn(2, 5, 3))[1].sum(-1)` deveria dar só 1.",
                BREAK,
                _weight_row_sums,
                untouched=True,
            ),
            Mistake(
                "columns",
                _softmax_over(1),
                "Agora a softmax normaliza as colunas: num batch (B, T, T), dim=1 é o "
                "eixo das consultas. O das chaves é o último.",
                BREAK,
                _weight_row_sums,
            ),
            Mistake(
                "no-softmax",
                lambda x: (dot_scores(x, x) @ x, dot_scores(x, x)),
                "Sem a softmax, você misturou com os escores crus: as linhas não somam "
                "1 e há pesos negativos.",
                EXP,
                _weight_row_sums,
            ),
            Mistake(
                "scaled",
                lambda x: (
                    torch.softmax(dot_scores(x, x) / x.shape[-1] ** 0.5, -1) @ x,
                    torch.softmax(dot_scores(x, x) / x.shape[-1] ** 0.5, -1),
                ),
                "O eixo está certo, mas você dividiu por √d. Essa divisão chega no "
                "caderno 04.",
                HAND,
            ),
            Mistake(
                "swapped",
                lambda x: self_attention(x)[::-1],
                "O eixo está certo, mas a ordem da saída mudou: a função devolve "
                "primeiro `output`, depois `weights`.",
                MATRIX,
            ),
            Mistake(
                "transposed-mix",
                lambda x: (
                    self_attention(x)[1].transpose(-2, -1) @ x,
                    self_attention(x)[1],
                ),
                "Os pesos estão certos, mas a mistura usou a transposta: cada saída "
                "somou a coluna, e as colunas não somam 1.",
                MATRIX,
            ),
        ],
    ),
    FunctionExercise(
        id="3.5",
        reference=without_self,
        inputs=lambda: [
            sample(8, (5, 3)),
            sample(9, (4, 6)),
            sample(10, (2, 3)),
            (torch.tensor([[5.0, 0.0], [-5.0, 0.0], [-5.0, 1.0]]),),
            (30 * sample(11, (6, 4))[0],),
            (torch.tensor([[10.0, 0.0], [10.0, 1.0], [9.0, 2.0]]),),
            (torch.tensor([[1e3, 0.0], [-1e3, 0.0], [-1e3, 1.0]]),),
        ],
        outputs=("output", "weights"),
        praise="Peso 0 em si mesmo, e o resto da linha soma 1. Com −∞ antes da "
        "softmax, sai em um passo; no caderno 06, a máscara causal usa a mesma ideia.",
        mistakes=[
            Mistake(
                "zero-score",
                _zero_diagonal_scores,
                "Você pôs 0 no escore da diagonal. Mas e⁰ = 1: o token continua "
                "olhando para si. Para dar peso 0, o escore tem de ser −∞.",
                EXP,
                lambda got, x: (
                    "O peso do primeiro token em si mesmo ficou "
                    f"{decimal(float(torch.as_tensor(got[1])[0, 0]))}; deveria ser 0."
                ),
            ),
            Mistake(
                "zero-weight",
                _zero_after,
                "Você zerou a diagonal depois da softmax. O peso de si mesmo some, mas "
                "ninguém o repartiu de novo entre os outros.",
                EXP,
                _weight_row_sums,
            ),
            Mistake(
                "nothing-blocked",
                _fixed,
                "Nada foi bloqueado: a diagonal continua com peso. Se você usou "
                "`masked_fill`, ele devolve um tensor novo; guarde o resultado.",
                MATRIX,
                lambda got, x: (
                    "O peso do primeiro token em si mesmo é "
                    f"{decimal(float(torch.as_tensor(got[1])[0, 0]))}; deveria ser 0."
                ),
            ),
            Mistake(
                "renormalised",
                lambda x: _mixed(x, _renormalised(x, softmax(x @ x.T))),
                "No papel dá certo. Mas, quando o próprio token leva todo o peso, os "
                "outros arredondam para 0, e a divisão vira 0 ÷ 0. Bloqueie antes da "
                "softmax, com −∞.",
                EXP,
            ),
            *(
                Mistake(f"finite-{name}", wrong, FINITE, EXP, _own_weight)
                for name, wrong in {
                    "-10": _block_with(-10.0),
                    "-20": _block_with(-20.0),
                    "-100": _block_with(-100.0),
                    "-1e4": _block_with(-1e4),
                    "minus-100": _subtract(100.0),
                    "minus-1000": _subtract(1000.0),
                }.items()
            ),
            Mistake(
                "all-nan",
                _block_with(torch.inf),
                "Tudo virou NaN: ou você somou `eye * -inf` (0 × ∞ não é número), ou "
                "bloqueou com +∞. Use `masked_fill` com −∞.",
                EXP,
            ),
            Mistake(
                "overflow",
                lambda x: _mixed(x, _renormalised(x, (x @ x.T).exp())),
                OVERFLOW,
                BREAK,
            ),
            Mistake(
                "overflow-zeroed",
                _exps_without_diagonal,
                OVERFLOW,
                BREAK,
            ),
            Mistake(
                "old-output",
                lambda x: (self_attention(x)[0], without_self(x)[1]),
                "Os pesos devolvidos estão certos, mas a saída foi misturada com os "
                "pesos antigos. Calcule `output` depois de mudar os pesos.",
                ONE_QUERY,
            ),
            Mistake(
                "old-weights",
                lambda x: (without_self(x)[0], self_attention(x)[1]),
                "A saída está certa, mas os pesos devolvidos são os de antes de "
                "bloquear a diagonal.",
                ONE_QUERY,
            ),
            Mistake(
                "infinite-weight",
                _infinite_weights,
                "Você pôs −∞ nos pesos, depois da softmax. O −∞ vai nos escores, "
                "antes dela.",
                EXP,
            ),
            Mistake(
                "transposed-mix",
                lambda x: (without_self(x)[1].T @ x, without_self(x)[1]),
                "Os pesos estão certos, mas a mistura usou a transposta: cada saída "
                "somou a coluna.",
                MATRIX,
            ),
            Mistake(
                "scaled",
                lambda x: _mixed(x, _without_self_weights(x, x.shape[-1] ** -0.5)),
                "A diagonal saiu, mas você dividiu os escores por √d. Essa divisão "
                "chega no caderno 04.",
                HAND,
            ),
            Mistake(
                "inverted",
                _only_self,
                "A máscara está invertida: você bloqueou todos os outros e deixou só o "
                "próprio token.",
                EXP,
            ),
            Mistake(
                "causal",
                _no_future,
                "Você bloqueou o futuro (o triângulo de cima). Isso é a máscara "
                "causal, do caderno 06; aqui só a diagonal fica de fora.",
                EXP,
            ),
            Mistake(
                "uniform",
                _uniform_others,
                "Você repartiu o peso por igual entre os outros. Os escores ainda "
                "contam: só a diagonal sai da conta.",
                EXP,
            ),
            Mistake(
                "columns",
                lambda x: _mixed(x, torch.softmax(_blocked(x, -torch.inf), 0)),
                "Você bloqueou a diagonal, mas normalizou as colunas: quem soma 1 é a "
                "linha (dim=-1).",
                BREAK,
                _weight_row_sums,
            ),
            Mistake(
                "swapped",
                _swapped_pair,
                "A conta está certa, mas a ordem da saída não: devolva primeiro "
                "`output`, depois `weights`.",
                MATRIX,
            ),
        ],
    ),
]
