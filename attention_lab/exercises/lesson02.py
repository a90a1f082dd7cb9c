"""Exercícios do caderno 02: partes, pesos, médias ponderadas e temperatura."""

import torch

from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    ValueExercise,
    decimal,
    sample,
)

# Os três vetores da seção "À mão": gato, telhado, miou.
BY_HAND = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

HAND, WORKED, HULL, BREAK, LOSSES, VOTE, TEMPERATURE = (
    "seção 2, “À mão”",
    "seção 3, “Exemplo resolvido: três maneiras de repartir”",
    "seção 4, “Onde o contexto pode cair”",
    "seção 6, “Quebre de propósito”",
    "seção 7, “O que a média perde”",
    "seção 8, “O voto da maioria”",
    "seção 9, “Temperatura”",
)


def mix(parts, values):
    """O vetor de contexto: divide as partes pela soma e mistura os vetores."""
    return parts / parts.sum() @ values


def mix_rows(parts, values):
    """Uma repartição por linha de parts, e os pesos de cada uma."""
    weights = parts / parts.sum(-1, keepdim=True)
    return weights @ values, weights


def sharpen(parts, temperature):
    """Os pesos, com as partes elevadas a 1/temperatura."""
    powers = parts ** (1 / temperature)
    return powers / powers.sum()


def recipe(values, target):
    """Os três pesos, de soma 1, cuja mistura é o alvo."""
    equations = torch.cat([values.T, torch.ones(1, 3)])  # (3, 3)
    return torch.linalg.solve(equations, torch.cat([target, torch.ones(1)]))


def _parts(seed, *shape):
    """Partes sorteadas entre 0,2 e 3, com a soma longe de qualquer tamanho."""
    (noise,) = sample(seed, shape)
    return 0.2 + noise.abs().clamp(max=2.8)


def _mix_cases():
    cases = [(_parts(seed, T), *sample(seed + 50, (T, d))) for seed, T, d in SIZES]
    zeros = torch.tensor([4.0, 0.0, 1.0, 0.0])  # há partes que valem 0
    return [*cases, (zeros, *sample(60, (4, 2)))]


SIZES = [(1, 5, 3), (2, 7, 2)]


def _row_cases():
    return [
        (_parts(3, 4, 6), *sample(53, (6, 3))),
        (_parts(4, 2, 5), *sample(54, (5, 3))),
    ]


def _temperature_cases():
    return [
        (_parts(5, 5), 0.5),
        (_parts(6, 7), 2.0),
        (torch.tensor([5.0, 0.0, 2.0]), 0.25),
    ]


def _recipe_cases():
    triangle = torch.tensor([[-1.0, 0.5], [2.0, -0.5], [0.5, 3.0]])
    shares = torch.tensor([[0.2, 0.7, 0.1], [0.45, 0.2, 0.35]])
    return [
        (BY_HAND, torch.tensor([1.25, 0.5])),
        *((triangle, share @ triangle) for share in shares),
    ]


def _weights_sum(got, parts, *rest):
    total = float(parts.sum())
    return (
        f"As partes somam {decimal(total)}; sem essa divisão, os pesos também somam "
        f"{decimal(total)}, e não 1."
    )


def _first_rows_sum(got, *inputs):
    sums = "; ".join(decimal(float(sum(row))) for row in got[1][:2])
    return f"As duas primeiras linhas de pesos somam {sums}; cada uma deve somar 1."


def _sum_of_answer(got, *inputs):
    total = decimal(float(torch.as_tensor(got).sum()))
    return f"Os números que vieram somam {total}."


def _where_it_lands(got, values, target):
    got = torch.as_tensor(got, dtype=values.dtype)
    point = "; ".join(decimal(float(c), 2) for c in got @ values)
    goal = "; ".join(decimal(float(c), 2) for c in target)
    return (
        f"Seus pesos somam {decimal(float(got.sum()), 2)} e levam a ({point}); "
        f"o alvo é ({goal})."
    )


def _rows(weights_of):
    """Uma resposta errada do 2.3: outros pesos, a mesma mistura."""

    def wrong(parts, values):
        weights = weights_of(parts)
        return weights @ values, weights

    return wrong


def _in_two_coordinates(parts, values):
    """O laço da seção 3, com `torch.zeros(2)`: só serve a vetores de dois números."""
    total = torch.zeros(2)
    for weight, vector in zip(parts / parts.sum(), values):
        total = total + weight * vector
    return total


def _distances(values, target):
    return (values - target).norm(dim=-1)


def _without_the_sum(values, target):
    return torch.linalg.pinv(values.T) @ target


EXERCISES = [
    ValueExercise(
        id="2.1",
        answer=(0.6, 0.8),
        tolerance=0.005,
        praise="Pesos 0,2; 0,6 e 0,2. Com a maior parte, `telhado` puxa o contexto "
        "para perto de (0, 1), mas não o leva até lá.",
        mistakes=[
            Mistake(
                "not-divided",
                (3.0, 4.0),
                "Você somou os vetores multiplicados pelas partes, e parou. Falta "
                "dividir pelo total de partes, 5: só então é uma média.",
                HAND,
            ),
            Mistake(
                "divided-by-three",
                (1.0, 4 / 3),
                "Você dividiu por 3, o número de palavras. Numa média ponderada, "
                "divide-se pelo total de partes: 1 + 3 + 1 = 5.",
                HAND,
            ),
            Mistake(
                "uniform",
                (1.0, 2 / 3),
                "Essa é a média simples, com a mesma parte para cada palavra. Aqui "
                "`telhado` tem três partes.",
                WORKED,
            ),
            Mistake(
                "only-the-largest",
                (0.0, 1.0),
                "Você ficou só com o vetor de `telhado`. A maior parte pesa mais, mas "
                "as outras duas também entram na mistura.",
                WORKED,
            ),
            Mistake(
                "first-word",
                (1.4, 0.4),
                "Você deu as três partes a `gato`. Confira a ordem: gato 1, telhado 3, "
                "miou 1.",
                HAND,
            ),
            Mistake(
                "last-word",
                (1.0, 0.8),
                "Você deu as três partes a `miou`. Confira a ordem: gato 1, telhado 3, "
                "miou 1.",
                HAND,
            ),
            Mistake(
                "swapped-coordinates",
                (0.8, 0.6),
                "Os números estão certos, mas as coordenadas vieram trocadas: primeiro "
                "a conta da primeira coluna (2, 0, 1), depois a da segunda (0, 1, 1).",
                HAND,
            ),
            Mistake(
                "example",
                (1.25, 0.5),
                "Esse é o contexto da seção 2, com as partes 2, 1 e 1. Agora as partes "
                "são 1, 3 e 1: refaça os três passos com elas.",
                HAND,
            ),
            Mistake(
                "third-word-left-out",
                (0.4, 0.6),
                "Os pesos estão certos, mas faltou `miou`: some também 0,2·(1, 1).",
                HAND,
            ),
            Mistake(
                "sum-of-each-word",
                (0.4, 0.6, 0.4),
                "Você somou as coordenadas de cada palavra. Some as palavras, "
                "coordenada por coordenada: a resposta tem dois números.",
                HAND,
            ),
            Mistake(
                "decimal-comma",
                (0, 6, 0, 8),
                "Os números estão certos, mas em Python o separador decimal é o ponto: "
                "0,6 vira dois números. Escreva 0.6 e 0.8.",
                HAND,
            ),
            Mistake(
                "weights",
                (0.2, 0.6, 0.2),
                "Esses são os pesos, e estão certos. O vetor de contexto vem depois: "
                "multiplique cada vetor pelo seu peso e some.",
                HAND,
            ),
            Mistake(
                "one-coordinate",
                0.6,
                "Essa é a primeira coordenada, e está certa. Falta a segunda: responda "
                "com um par, entre parênteses.",
                HAND,
            ),
            Mistake(
                "divided-by-four",
                (0.75, 1.0),
                "Você dividiu por 4, o total de partes da seção 2. Agora as partes são "
                "1, 3 e 1: divida pelo total delas.",
                HAND,
            ),
            Mistake(
                "pairs-with-comma",
                ((0, 6), (0, 8)),
                "Os números estão certos, mas em Python o separador decimal é o ponto: "
                "`(0,6)` é um par. Escreva `(0.6, 0.8)`.",
                HAND,
            ),
        ],
    ),
    FunctionExercise(
        id="2.2",
        reference=mix,
        inputs=_mix_cases,
        outputs=("contexto",),
        praise="Dividir pela soma, multiplicar, somar. Todo vetor de contexto do curso "
        "sai dessa conta; o que muda é de onde vêm as partes.",
        mistakes=[
            Mistake(
                "not-divided",
                lambda parts, values: parts @ values,
                "Você misturou com as partes, sem dividir pelo total. O resultado é "
                "uma soma, não uma média, e pode sair do fecho convexo.",
                BREAK,
                _weights_sum,
            ),
            Mistake(
                "divided-by-T",
                lambda parts, values: parts / len(parts) @ values,
                "Você dividiu pelo número de palavras. Isso só dá certo se cada "
                "palavra tiver, em média, uma parte; divida pela soma das partes.",
                HAND,
                lambda got, parts, values: (
                    f"São {len(parts)} palavras, mas as partes somam "
                    f"{decimal(float(parts.sum()))}."
                ),
            ),
            Mistake(
                "divided-by-max",
                lambda parts, values: parts / parts.max() @ values,
                "Você dividiu pela maior parte. Assim o maior peso vale 1, mas a soma "
                "deles passa de 1.",
                HAND,
                lambda got, parts, values: (
                    f"Os pesos somam {decimal(float((parts / parts.max()).sum()))}."
                ),
            ),
            Mistake(
                "norm",
                lambda parts, values: parts / parts.norm() @ values,
                "Você dividiu pelo comprimento do vetor de partes (a norma). Os pesos "
                "devem somar 1; o que soma 1, na sua conta, são os quadrados deles.",
                HAND,
            ),
            Mistake(
                "uniform",
                lambda parts, values: values.mean(0),
                "Você calculou a média simples: `parts` não entrou na conta.",
                WORKED,
            ),
            Mistake(
                "one-hot",
                lambda parts, values: values[parts.argmax()],
                "Você devolveu o vetor da palavra com mais partes. Isso é uma busca, "
                "com todo o peso em um lugar; aqui as outras palavras também contam.",
                WORKED,
            ),
            Mistake(
                "softmax",
                lambda parts, values: torch.softmax(parts, -1) @ values,
                "Você usou a softmax, que só chega no caderno 03. As partes "
                "já não são negativas: basta dividir pela soma.",
                HAND,
            ),
            Mistake(
                "not-summed",
                lambda parts, values: (parts / parts.sum())[:, None] * values,
                "Você multiplicou cada vetor pelo seu peso e não somou. Falta juntar "
                "as palavras: `.sum(0)`.",
                WORKED,
            ),
            Mistake(
                "summed-coordinates",
                lambda parts, values: ((parts / parts.sum())[:, None] * values).sum(1),
                "Você somou as coordenadas de cada palavra: saiu um número por "
                "palavra. Some as palavras, coordenada por coordenada: `.sum(0)`.",
                WORKED,
            ),
            Mistake(
                "summed-everything",
                lambda parts, values: ((parts / parts.sum())[:, None] * values).sum(),
                "Você somou tudo, palavras e coordenadas, e saiu um número só. Diga o "
                "eixo: `.sum(0)` soma as palavras e deixa as d coordenadas.",
                WORKED,
            ),
            Mistake(
                "two-coordinates",
                _in_two_coordinates,
                "Sua função só serve a vetores de dois números, como os da seção 3. "
                "Aqui eles têm d; para o total, use `torch.zeros(values.shape[1])`.",
                WORKED,
            ),
            Mistake(
                "wrong-side",
                lambda parts, values: values @ (parts / parts.sum()),
                "Os pesos estão certos, mas o produto está na ordem trocada: são T "
                "pesos, e `values` tem T linhas. Use `weights @ values`.",
                WORKED,
            ),
            Mistake(
                "mean-twice",
                lambda parts, values: ((parts / parts.sum())[:, None] * values).mean(0),
                "Você dividiu duas vezes: os pesos já somam 1, e o `mean` ainda "
                "dividiu pelo número de palavras. Troque-o por `sum`.",
                HAND,
            ),
            Mistake(
                "not-aligned",
                lambda parts, values: parts / parts.sum() * values,
                "Os pesos estão certos, mas `*` tenta casar os T pesos com as d "
                "coordenadas. Use `weights[:, None] * values` e some, ou "
                "`weights @ values`, que faz os dois passos.",
                HAND,
            ),
            Mistake(
                "weights",
                lambda parts, values: parts / parts.sum(),
                "Você devolveu os pesos, e eles estão certos. Falta misturar: "
                "multiplicar cada vetor pelo seu peso e somar.",
                WORKED,
            ),
            Mistake(
                "first-product",
                lambda parts, values: parts[0] / parts.sum() * values[0],
                "Só a primeira palavra entrou: o `return` está dentro do laço, e a "
                "função sai na primeira volta. Ele deve ficar alinhado com o `for`.",
                WORKED,
            ),
            Mistake(
                "last-product",
                lambda parts, values: parts[-1] / parts.sum() * values[-1],
                "Só a última palavra ficou: a cada volta, `total = …` apaga o que já "
                "havia. Some ao que havia: `total = total + peso * vetor`.",
                WORKED,
            ),
            Mistake(
                "all-zero",
                lambda parts, values: torch.zeros(values.shape[1]),
                "O contexto ficou todo em 0. A divisão inteira, `//`, faz isso: todo "
                "peso menor que 1 vira 0. Use `/`. Num laço, confira também se a soma "
                "foi guardada em `total`.",
                WORKED,
            ),
        ],
    ),
    FunctionExercise(
        id="2.3",
        reference=mix_rows,
        inputs=_row_cases,
        outputs=("output", "weights"),
        praise="Cada linha se divide pela própria soma, e o `keepdim=True` mantém as "
        "somas em coluna. No caderno 03, essa tabela sai da própria frase.",
        mistakes=[
            Mistake(
                "whole-table",
                _rows(lambda parts: parts / parts.sum()),
                "O erro continua ali. Some as linhas de `weights`, com "
                "`weights.sum(-1)`, e veja quanto dá cada uma.",
                BREAK,
                untouched=True,
            ),
            Mistake(
                "columns",
                _rows(lambda parts: parts / parts.sum(0)),
                "Agora quem soma 1 é a coluna: `sum(0)` junta as linhas. Cada "
                "repartição é uma linha; some ao longo dela, com `dim=-1`.",
                BREAK,
                _first_rows_sum,
            ),
            Mistake(
                "no-keepdim",
                _rows(lambda parts: parts / parts.sum(-1)),
                "O eixo está certo, mas as somas viraram uma linha, e a divisão não "
                "encaixa. Com `keepdim=True` elas ficam em coluna, uma por linha.",
                HULL,
            ),
            Mistake(
                "not-divided",
                _rows(lambda parts: parts),
                "Sem a divisão, o que você misturou foram as partes: as linhas não "
                "somam 1.",
                BREAK,
                _first_rows_sum,
            ),
            Mistake(
                "divided-by-T",
                _rows(lambda parts: parts / parts.shape[-1]),
                "Você dividiu pelo número de palavras da linha. Divida pela soma das "
                "partes dela.",
                HAND,
                _first_rows_sum,
            ),
            Mistake(
                "divided-by-max",
                _rows(lambda parts: parts / parts.amax(-1, keepdim=True)),
                "O eixo está certo, mas você dividiu pela maior parte da linha. Divida "
                "pela soma das partes dela.",
                HAND,
                _first_rows_sum,
            ),
            Mistake(
                "divided-by-mean",
                _rows(lambda parts: parts / parts.mean(-1, keepdim=True)),
                "O eixo está certo, mas você dividiu pela média da linha. Divida pela "
                "soma: troque `mean` por `sum`.",
                HAND,
                _first_rows_sum,
            ),
            Mistake(
                "softmax",
                _rows(lambda parts: torch.softmax(parts, -1)),
                "As linhas somam 1, mas pela softmax, que só chega no caderno 03. Aqui "
                "basta dividir as partes pela soma da linha.",
                HAND,
            ),
            Mistake(
                "uniform",
                _rows(lambda parts: torch.ones_like(parts) / parts.shape[-1]),
                "As linhas somam 1, mas ficaram todas iguais: as partes saíram da "
                "conta.",
                WORKED,
            ),
            Mistake(
                "swapped",
                lambda parts, values: mix_rows(parts, values)[::-1],
                "A conta está certa, mas a ordem da saída mudou: devolva primeiro "
                "`output`, depois `weights`.",
                WORKED,
            ),
            Mistake(
                "parts-as-weights",
                lambda parts, values: (mix_rows(parts, values)[0], parts),
                "A mistura está certa, mas no lugar dos pesos você devolveu as partes, "
                "sem dividir.",
                HAND,
                _first_rows_sum,
            ),
            Mistake(
                "only-the-output",
                lambda parts, values: (
                    mix_rows(parts, values)[0],
                    parts / parts.sum(),
                ),
                "A mistura está certa, mas você corrigiu só a saída: em `weights`, o "
                "erro continua. Divida as partes, linha por linha; a mistura sai certa "
                "daí.",
                BREAK,
                _first_rows_sum,
            ),
            Mistake(
                "norm",
                _rows(lambda parts: parts / parts.norm(dim=-1, keepdim=True)),
                "O eixo está certo, mas você dividiu pelo comprimento da linha (a "
                "norma). Divida pela soma das partes dela: troque `norm` por `sum`.",
                HAND,
                _first_rows_sum,
            ),
            Mistake(
                "norm-of-the-table",
                _rows(lambda parts: parts / parts.norm()),
                "Você dividiu pela norma da tabela inteira. São duas trocas: `sum` em "
                "vez de `norm`, e uma soma para cada linha, com `dim=-1`.",
                BREAK,
                _first_rows_sum,
            ),
        ],
    ),
    FunctionExercise(
        id="2.4",
        reference=sharpen,
        inputs=_temperature_cases,
        outputs=("weights",),
        praise="Com temperatura 1 nada muda; perto de 0, a maior parte leva tudo; "
        "muito alta, todas as partes que não são 0 se igualam.",
        mistakes=[
            Mistake(
                "inverted",
                lambda parts, t: parts**t / (parts**t).sum(),
                "Você elevou à temperatura, e não a 1/temperatura. O botão ficou ao "
                "contrário: esfriar espalha o peso, em vez de concentrar.",
                TEMPERATURE,
                lambda got, parts, t: (
                    f"Com temperatura {decimal(t, 2)}, o maior peso deveria ser "
                    f"{decimal(float(sharpen(parts, t).max()))}; veio "
                    f"{decimal(float(torch.as_tensor(got).max()))}."
                ),
            ),
            Mistake(
                "not-divided",
                lambda parts, t: parts ** (1 / t),
                "As potências estão certas, mas ainda são partes. Falta dividir pela "
                "soma delas.",
                HAND,
                _sum_of_answer,
            ),
            Mistake(
                "divided-by-the-old-sum",
                lambda parts, t: parts ** (1 / t) / parts.sum(),
                "As potências estão certas, mas você as dividiu pela soma das partes "
                "originais. Divida pela soma das próprias potências.",
                TEMPERATURE,
                _sum_of_answer,
            ),
            Mistake(
                "no-power",
                lambda parts, t: parts / t,
                "Você dividiu as partes pela temperatura; a potência não entrou. Em "
                "`parts ** 1 / temperature`, a potência é 1: faltam parênteses, "
                "`parts ** (1 / temperature)`. Depois, divida pela soma.",
                TEMPERATURE,
                _sum_of_answer,
            ),
            Mistake(
                "inverted-not-divided",
                lambda parts, t: parts**t,
                "São dois enganos: a potência é 1/temperatura, e não temperatura; e, "
                "depois dela, falta dividir pela soma.",
                TEMPERATURE,
                _sum_of_answer,
            ),
            Mistake(
                "softmax-of-powers",
                lambda parts, t: torch.softmax(parts ** (1 / t), -1),
                "As potências estão certas, mas depois você usou a softmax, que só "
                "chega no caderno 03. Aqui basta dividir pela soma delas.",
                TEMPERATURE,
            ),
            Mistake(
                "divided-too-early",
                lambda parts, t: (parts / parts.sum()) ** (1 / t),
                "Você dividiu pela soma antes da potência. Elevados, os pesos deixam "
                "de somar 1: divida depois.",
                TEMPERATURE,
                _sum_of_answer,
            ),
            Mistake(
                "unchanged",
                lambda parts, t: parts / parts.sum(),
                "A temperatura não fez efeito. Se você dividiu (ou multiplicou) todas "
                "as partes por ela, a divisão pela soma desfez a conta: só a potência "
                "muda as proporções. Cuidado: em `parts ** 1 / temperature`, "
                "a potência é 1.",
                TEMPERATURE,
            ),
            Mistake(
                "softmax",
                lambda parts, t: torch.softmax(parts / t, -1),
                "Você usou a softmax das partes divididas pela temperatura. Ela serve "
                "a escores, que chegam no caderno 03; para partes, use a potência.",
                TEMPERATURE,
            ),
            Mistake(
                "softmax-of-weights",
                lambda parts, t: torch.softmax(parts / parts.sum() / t, -1),
                "Você passou os pesos pela softmax, dividindo-os pela temperatura. "
                "Aqui não há exponencial: eleve as partes a 1/temperatura.",
                TEMPERATURE,
            ),
            Mistake(
                "one-hot",
                lambda parts, t: (parts == parts.max()).float(),
                "Você deu todo o peso à maior parte. Esse é o limite, com a "
                "temperatura perto de 0; antes dele, as outras ainda contam.",
                TEMPERATURE,
            ),
            Mistake(
                "uniform",
                lambda parts, t: torch.ones_like(parts) / len(parts),
                "Você repartiu por igual. Esse é o limite da temperatura muito alta; "
                "antes dele, as partes ainda contam.",
                TEMPERATURE,
            ),
            Mistake(
                "divided-by-max",
                lambda parts, t: parts ** (1 / t) / (parts ** (1 / t)).max(),
                "As potências estão certas, mas você dividiu pela maior. Assim ela "
                "vira 1, e o total passa de 1: divida pela soma.",
                HAND,
                _sum_of_answer,
            ),
            Mistake(
                "divided-by-T",
                lambda parts, t: parts ** (1 / t) / len(parts),
                "As potências estão certas, mas você dividiu pelo número de palavras. "
                "Divida pela soma das potências.",
                HAND,
                _sum_of_answer,
            ),
            Mistake(
                "floor",
                lambda parts, t: parts ** (1 // t) / (parts ** (1 // t)).sum(),
                "`1 // temperature` é a divisão inteira: com temperatura 2 ela dá 0, e "
                "toda potência vira 1. Use `1 / temperature`.",
                TEMPERATURE,
            ),
            Mistake(
                "weights-over-temperature",
                lambda parts, t: parts / parts.sum() / t,
                "Você dividiu os pesos pela temperatura: as proporções não mudaram, e "
                "a soma deixou de ser 1. A temperatura entra na potência: "
                "`parts ** (1 / temperature)`.",
                TEMPERATURE,
                _sum_of_answer,
            ),
            Mistake(
                "too-early-inverted",
                lambda parts, t: (parts / parts.sum()) ** t,
                "São dois enganos: a potência é 1/temperatura, e não temperatura; e a "
                "divisão pela soma vem depois dela.",
                TEMPERATURE,
                _sum_of_answer,
            ),
        ],
    ),
    FunctionExercise(
        id="2.5",
        reference=recipe,
        inputs=_recipe_cases,
        outputs=("weights",),
        praise="Três equações, três pesos: num triângulo, a receita é uma só. Com "
        "quatro palavras há mais de uma, como nas seções 5 e 7.",
        mistakes=[
            Mistake(
                "no-sum",
                _without_the_sum,
                "Você usou só as duas equações das coordenadas. Com três pesos, elas "
                "têm infinitas soluções; falta a terceira equação: os pesos somam 1.",
                HULL,
                _where_it_lands,
            ),
            Mistake(
                "normalised-at-the-end",
                lambda values, target: (
                    _without_the_sum(values, target)
                    / _without_the_sum(values, target).sum()
                ),
                "Você achou os pesos sem exigir a soma 1 e dividiu no fim. A divisão "
                "tira a mistura do alvo: a soma tem de ser uma das equações.",
                HULL,
                _where_it_lands,
            ),
            Mistake(
                "not-square",
                lambda values, target: torch.linalg.solve(values.T, target),
                "Você montou só as duas equações das coordenadas, e o `solve` pede "
                "tantas equações quantos pesos: três. A que falta é a soma dos pesos.",
                HULL,
            ),
            Mistake(
                "flat-ones",
                lambda values, target: torch.cat([values.T, torch.ones(3)]),
                "A terceira equação está certa, mas `torch.ones(3)` tem um eixo só, e "
                "`values.T` tem dois. Para empilhar uma linha, use `torch.ones(1, 3)`.",
                HULL,
            ),
            Mistake(
                "target-without-the-sum",
                lambda values, target: torch.linalg.solve(
                    torch.cat([values.T, torch.ones(1, 3)]), target
                ),
                "`A` tem três equações, mas `target` só dá o resultado de duas. Falta "
                "o da terceira: a soma dos pesos, 1.",
                HULL,
            ),
            Mistake(
                "sum-zero",
                lambda values, target: torch.linalg.solve(
                    torch.cat([values.T, torch.ones(1, 3)]),
                    torch.cat([target, torch.zeros(1)]),
                ),
                "As três equações estão lá, mas a última diz que os pesos somam 0. "
                "Eles somam 1.",
                HULL,
                _where_it_lands,
            ),
            Mistake(
                "another-order",
                lambda values, target: torch.linalg.solve(
                    torch.cat([torch.ones(1, 3), values.T]),
                    torch.cat([target, torch.ones(1)]),
                ),
                "As equações estão certas, mas a ordem difere: em `A`, a da soma vem "
                "primeiro; em `b`, o 1 veio por último. Use a mesma ordem nos dois.",
                HULL,
                _where_it_lands,
            ),
            Mistake(
                "not-transposed",
                lambda values, target: torch.linalg.solve(
                    torch.cat([values, torch.ones(3, 1)], 1),
                    torch.cat([target, torch.ones(1)]),
                ),
                "As três equações estão lá, mas a tabela está deitada: cada linha dela "
                "deve ser uma coordenada das três palavras, e não uma palavra. Use "
                "`values.T`.",
                HULL,
                _where_it_lands,
            ),
            Mistake(
                "inverse-distance",
                lambda values, target: (
                    (1 / _distances(values, target))
                    / (1 / _distances(values, target)).sum()
                ),
                "Você deu mais peso a quem está mais perto do alvo. É um palpite "
                "razoável, e os pesos somam 1, mas a mistura não cai no alvo.",
                HULL,
                _where_it_lands,
            ),
            Mistake(
                "similarity",
                lambda values, target: torch.softmax(values @ target, -1),
                "Você comparou cada palavra com o alvo e passou a softmax. É a ideia "
                "do caderno 03: os pesos somam 1, mas a mistura não cai no alvo.",
                HULL,
                _where_it_lands,
            ),
            Mistake(
                "nearest",
                lambda values, target: (
                    _distances(values, target) == _distances(values, target).min()
                ).float(),
                "Você deu todo o peso à palavra mais próxima do alvo. A mistura é o "
                "vetor dessa palavra, e não o alvo.",
                WORKED,
                _where_it_lands,
            ),
            Mistake(
                "uniform",
                lambda values, target: torch.ones(3) / 3,
                "Você repartiu por igual: a mistura cai sempre no meio do triângulo, "
                "seja qual for o alvo.",
                WORKED,
                _where_it_lands,
            ),
            Mistake(
                "context",
                lambda values, target: recipe(values, target) @ values,
                "Você devolveu o ponto, e não os pesos. A função deve devolver três "
                "números, um por palavra.",
                HULL,
            ),
            Mistake(
                "distance",
                lambda values, target: (
                    _distances(values, target) / _distances(values, target).sum()
                ),
                "Você deu mais peso a quem está mais longe do alvo. Inverter as "
                "distâncias também não basta: os pesos saem das três equações.",
                HULL,
                _where_it_lands,
            ),
            Mistake(
                "dot-products",
                lambda values, target: (values @ target) / (values @ target).sum(),
                "Você comparou cada palavra com o alvo e dividiu pela soma. Os pesos "
                "somam 1, mas a mistura não cai no alvo: são precisas as equações.",
                HULL,
                _where_it_lands,
            ),
        ],
    ),
]
