"""Exercícios do caderno 04: consulta, chave, valor e a divisão por √d_k."""

import math

import torch

from attention_lab.attention import attention, dot_scores, softmax
from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    Refused,
    ValueExercise,
    decimal,
    sample,
)

# Os vetores e as matrizes da seção "À mão": gato, telhado, miou.
BY_HAND = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
HAND_Q = BY_HAND @ torch.tensor([[0.0, -1.0], [1.0, 1.0]])
HAND_K = BY_HAND @ torch.tensor([[1.0, 1.0], [-1.0, 0.0]])

DICTIONARY, HAND, WORKED, FUNCTION, BUILT, SCALE, BREAK = (
    "seção 2, “Um dicionário que aceita parecidos”",
    "seção 3, “À mão”",
    "seção 4, “Exemplo resolvido: quem procura quem”",
    "seção 5, “A função inteira”",
    "seção 6, “Uma cabeça feita à mão”",
    "seção 7, “Por que dividir por √d_k”",
    "seção 8, “Quebre de propósito”",
)


# --- 4.2: a linha de telhado, com os enganos de quem a calcula no papel ---------------


def _hand_weight(i, j, divisor=2**0.5):
    return float(softmax(HAND_Q @ HAND_K.T / divisor)[i, j])


def _row_weight(scores):
    return float(softmax(scores[None] / math.sqrt(2))[0, 2])


# --- 4.3 e 4.4: a atenção, com um engano de cada vez ----------------------------------


def _attend(q, k, v, divisor=None, dim=-1):
    divisor = math.sqrt(q.shape[-1]) if divisor is None else divisor
    weights = torch.softmax(dot_scores(q, k) / divisor, dim)
    return weights @ v, weights


def _project(x, W_q, W_k, W_v):
    return x @ W_q, x @ W_k, x @ W_v


def _reference(x, W_q, W_k, W_v):
    return attention(*_project(x, W_q, W_k, W_v))


def _projected(wrong):
    """Um engano escrito sobre q, k, v, para quem parte de x e das matrizes."""
    return lambda x, W_q, W_k, W_v: wrong(*_project(x, W_q, W_k, W_v))


def _scale_after(q, k, v):
    weights = softmax(dot_scores(q, k)) / math.sqrt(q.shape[-1])
    return weights @ v, weights


def _no_softmax(q, k, v):
    weights = dot_scores(q, k) / math.sqrt(q.shape[-1])
    return weights @ v, weights


def _raw_softmax_missing(q, k, v):
    return dot_scores(q, k) @ v, dot_scores(q, k)


def _scores_for_weights(q, k, v):
    return attention(q, k, v)[0], dot_scores(q, k) / math.sqrt(q.shape[-1])


def _transposed_mix(q, k, v):
    weights = attention(q, k, v)[1]
    return weights.mT @ v, weights


def _whole_table(q, k, v):
    exps = (dot_scores(q, k) / math.sqrt(q.shape[-1])).exp()
    weights = exps / exps.sum()
    return weights @ v, weights


def _no_keepdim(q, k, v):
    exps = (dot_scores(q, k) / math.sqrt(q.shape[-1])).exp()
    weights = exps / exps.sum(-1)
    return weights @ v, weights


def _batch_transpose(x, W_q, W_k, W_v):
    q, k, v = _project(x, W_q, W_k, W_v)
    weights = torch.softmax(q @ k.T / math.sqrt(k.shape[-1]), -1)
    return weights @ v, weights


def _sqrt_d_model(x, W_q, W_k, W_v):
    return _attend(*_project(x, W_q, W_k, W_v), math.sqrt(x.shape[-1]))


def _row_sums(got, *inputs):
    sums = torch.as_tensor(got[1]).sum(-1).flatten()[:3]
    texto = "; ".join(decimal(float(s)) for s in sums)
    return f"As primeiras linhas de `weights` somam {texto}."


def _divided_by(name, factor):
    """Frase que compara o divisor usado com o pedido."""

    def sentence(got, *inputs):
        used, right = factor(*inputs)
        return (
            f"Neste caso, {name} = {decimal(used, 2)} e √d_k = {decimal(right, 2)}: "
            "as linhas somam 1 dos dois jeitos, mas a temperatura é outra."
        )

    return sentence


def _roots(width):
    """√ de um tamanho de q, k e v, ao lado de √d_k."""
    return lambda q, k, v: (math.sqrt(width(q, k, v)), math.sqrt(q.shape[-1]))


UNSCALED = (
    "Os escores foram para a softmax sem a divisão por √d_k. As linhas somam 1 do "
    "mesmo jeito, mas ficam concentradas demais, e mais ainda quando d_k cresce."
)
COLUMNS = (
    "A softmax correu pelas colunas (dim=-2). Quem reparte o peso é a consulta, e cada "
    "consulta é uma linha: dim=-1."
)
SWAPPED = (
    "Consulta e chave trocaram de papel: a linha ficou com a chave. A direção "
    "inverteu, e “quem procura” virou “quem é procurado”."
)
SQUARE = (
    "Você dividiu por d_k, sem a raiz. O desvio-padrão dos escores é √d_k; dividir por "
    "mais que isso deixa a linha quase uniforme."
)
RIGHT_PAIR = (
    "A conta está certa, mas a ordem da saída não: devolva primeiro `output`, depois "
    "`weights`."
)


# --- 4.5: uma cabeça que acha o animado de mesmo número -------------------------------

# Uma letra por token: S e P, animados no singular e no plural; s e p, inanimados; o
# ponto é qualquer outra palavra. O sinal no fim é o número do verbo.
SENTENCES = (
    ".S..P..+",
    "P..s.S.-",
    "..p..P.S.s.+",
    "S..S..P.p+",
    ".P.S.P..-",
    "S.P.pP-",
)


def _sheet(code):
    """(T, 4): animado, verbo, posição, número; o verbo é a última linha."""
    number = {"S": -1, "s": -1, "-": -1, "P": 1, "p": 1, "+": 1}
    rows = [[c in "SP", c in "+-", i, number.get(c, 0)] for i, c in enumerate(code)]
    return torch.tensor(rows, dtype=torch.float32)


def _look(row):
    """Quem recebe ao menos metade do maior peso, e se esse peso passa de 0,9."""
    top = row.amax()
    return (row >= 0.5 * top).long(), (top > 0.9).long()


def _verb_row(x, W_q, W_k):
    return attention(x @ W_q, x @ W_k, x)[1][-1]


def _head(request, offer, row=1):
    """Cabeça em que a coluna `row` da ficha faz o pedido, e `offer` são as chaves."""

    def answer(x):
        W_q, W_k = torch.zeros(4, 4), torch.diag(torch.tensor(offer))
        W_q[row] = torch.tensor(request)
        return _look(_verb_row(x, W_q, W_k))

    return answer


def _agreeing(animate, number):
    """O verbo pede `animate` por ser animado e `number` pelo número igual ao seu."""

    def answer(x):
        W_q = torch.zeros(4, 2)
        W_q[1, 0], W_q[3, 1] = animate, number
        W_k = torch.zeros(4, 2)
        W_k[0, 0] = W_k[3, 1] = 1.0
        return _look(_verb_row(x, W_q, W_k))

    return answer


def _summed_column(x):
    W_q, W_k = torch.zeros(4, 1), torch.zeros(4, 1)
    W_q[1], W_q[3] = 10.0, 10.0
    W_k[0], W_k[3] = 1.0, 1.0
    return _look(_verb_row(x, W_q, W_k))


def _same_sheet(x):
    return _look(_verb_row(x, 10 * torch.eye(4), torch.eye(4)))


# O que a cabeça "vê" quando as matrizes não servem: nenhum peso de verdade dá isto.
NOT_A_PAIR, WRONG_SHAPE = torch.tensor(-1), torch.tensor(-2)
TOO_WEAK = torch.tensor(0)


def _adapt_head(answer):
    """De uma função que devolve (W_q, W_k) para o que a linha do verbo faz com x."""

    def run(x):
        matrices = answer()
        if matrices is ... or matrices is None:
            return matrices
        if not (isinstance(matrices, list | tuple) and len(matrices) == 2):
            return NOT_A_PAIR, NOT_A_PAIR
        if any(W is ... or W is None for W in matrices):
            return ...
        W_q, W_k = (torch.as_tensor(W).float() for W in matrices)
        if W_q.dim() != 2 or W_q.shape != W_k.shape or len(W_q) != x.shape[-1]:
            return WRONG_SHAPE, WRONG_SHAPE
        sheets = [_sheet(code) for code in SENTENCES]
        seen = [_look(_verb_row(sheet, W_q, W_k)) for sheet in sheets]
        where, strong = _look(_verb_row(x, W_q, W_k))
        right = [_agreeing(10.0, 10.0)(sheet) for sheet in sheets]
        if all(torch.equal(a[0], b[0]) for a, b in zip(seen, right)):
            enough = all(bool(a[1]) for a in seen)
            return where, strong if enough else TOO_WEAK
        if not _known(sheets, seen):
            raise Refused(_elsewhere(sheets, seen, right))
        return where, strong

    return run


def _known(sheets, seen):
    """Se o catálogo tem um engano que olha assim para as seis frases."""
    looks = [[mistake.wrong(x) for x in sheets] for mistake in EXERCISES[-1].mistakes]
    return any(
        all(torch.equal(p, q) for a, b in zip(seen, look) for p, q in zip(a, b))
        for look in looks
    )


def _elsewhere(sheets, seen, right):
    """Onde a cabeça olha, na primeira frase em que não é o lugar certo."""
    i = next(i for i, (a, b) in enumerate(zip(seen, right)) if not a[0].equal(b[0]))
    return (
        f"{_where(seen[i], sheets[i])} O maior tem de ficar só no animado de mesmo "
        "número: confira o que a consulta pede e o que cada chave mostra. As fichas "
        f'desta frase: `case("4.5", {i + 1})`. Onde rever: {BUILT}.'
    )


def _where(got, x):
    """Onde caíram os maiores pesos da linha do verbo."""
    number = {-1: "singular", 0: "sem número", 1: "plural"}
    found = []
    for i in torch.as_tensor(got[0]).nonzero().flatten().tolist():
        animate, verb, _, n = (int(f) for f in x[i])
        kind = "o próprio verbo" if verb else "animado" if animate else "não animado"
        found.append(f"na posição {i} ({kind}, {number[n]})")
    shown = "; ".join(found[:3]) + ("; e em outras" if len(found) > 3 else "")
    verb = f"Em uma frase com o verbo no {number[int(x[-1, 3])]}"
    if not found:
        return f"{verb}, os pesos não são números (NaN): há NaN ou ∞ nas matrizes?"
    return f"{verb}, os maiores pesos ficam {shown}."


EXERCISES = [
    ValueExercise(
        id="4.1",
        answer=[(2, 5, 7), (2, 5, 3)],
        praise="d_k some na comparação e T_k some na mistura: sobram as consultas e a "
        "largura dos valores.",
        mistakes=[
            Mistake(
                "transposed",
                [(2, 7, 5), (2, 5, 3)],
                "Você pôs as chaves nas linhas de `weights`. A linha é a consulta: são "
                "5 consultas e 7 chaves.",
                FUNCTION,
            ),
            Mistake(
                "square",
                [(2, 5, 5), (2, 5, 3)],
                "Você supôs tantas chaves quantas consultas. Na autoatenção é assim, "
                "mas aqui k tem 7 tokens: cada linha reparte o peso entre 7 chaves.",
                FUNCTION,
            ),
            Mistake(
                "all-transposed",
                [(2, 7, 5), (2, 7, 3)],
                "Você pôs as chaves nas linhas. A linha é a consulta: são 5 consultas, "
                "e por isso 5 linhas de pesos e 5 saídas.",
                FUNCTION,
            ),
            Mistake(
                "as-many-queries",
                [(2, 7, 7), (2, 7, 3)],
                "Você supôs 7 consultas, tantas quantas as chaves. Aqui q tem 5 "
                "tokens: são 5 linhas de pesos e 5 saídas.",
                FUNCTION,
            ),
            Mistake(
                "output-like-weights",
                [(2, 5, 7), (2, 5, 7)],
                "`weights` está certo. Mas a mistura soma sobre as 7 chaves: o 7 some, "
                "e a saída tem a largura dos valores.",
                FUNCTION,
            ),
            Mistake(
                "d_k-out",
                [(2, 5, 7), (2, 5, 4)],
                "`weights` está certo. Mas a saída é uma mistura de valores, e o valor "
                "tem 3 números; o 4 é d_k, que some na comparação.",
                FUNCTION,
            ),
            Mistake(
                "shape-of-v",
                [(2, 5, 7), (2, 7, 3)],
                "`weights` está certo. Mas há uma saída por consulta (5), e não "
                "uma por valor (7): o 7 some na mistura.",
                FUNCTION,
            ),
            Mistake(
                "scores-with-d_k",
                [(2, 5, 4), (2, 5, 3)],
                "Você deu a `weights` a forma de q. O d_k = 4 some no produto escalar: "
                "sobra um número por par de consulta e chave.",
                FUNCTION,
            ),
            Mistake(
                "no-batch",
                [(5, 7), (5, 3)],
                "Os dois últimos eixos estão certos, mas o batch sumiu: são 2 "
                "frases, e o 2 continua à frente.",
                FUNCTION,
            ),
            Mistake(
                "widths",
                [(2, 4, 4), (2, 5, 3)],
                "Em `weights` você cruzou as larguras, 4 com 4. O que se cruza são os "
                "tokens: cada consulta (5) com cada chave (7).",
                FUNCTION,
            ),
            Mistake(
                "only-weights",
                (2, 5, 7),
                "Essa é a forma de `weights`, e está certa. Falta a de `output`: a "
                "resposta é uma lista com as duas.",
                FUNCTION,
            ),
            Mistake(
                "only-output",
                (2, 5, 3),
                "Essa é a forma de `output`, e está certa. Falta a de `weights`, que "
                "vem antes: a resposta é uma lista com as duas.",
                FUNCTION,
            ),
            Mistake(
                "output-without-batch",
                [(2, 5, 7), (5, 3)],
                "`weights` está certo. Mas em `output` o batch sumiu: são 2 frases, e "
                "o 2 continua à frente.",
                FUNCTION,
            ),
            Mistake(
                "weights-without-batch",
                [(5, 7), (2, 5, 3)],
                "`output` está certo. Mas em `weights` o batch sumiu: são 2 frases, e "
                "o 2 continua à frente.",
                FUNCTION,
            ),
            Mistake(
                "output-without-width",
                [(2, 5, 7), (2, 5)],
                "`weights` está certo. Mas a saída de cada consulta é um vetor, e não "
                "um número: falta a largura dos valores.",
                FUNCTION,
            ),
            Mistake(
                "output-transposed",
                [(2, 5, 7), (2, 3, 5)],
                "`weights` está certo, e os números de `output` também, mas em outra "
                "ordem: cada linha é de uma consulta, e a largura vem por último.",
                FUNCTION,
            ),
            Mistake(
                "d_k-in-both",
                [(2, 5, 4), (2, 5, 4)],
                "Nenhuma das duas guarda o d_k = 4: ele some no produto escalar. Em "
                "`weights` há uma coluna por chave; em `output`, a largura do valor.",
                FUNCTION,
            ),
            Mistake(
                "order",
                [(2, 5, 3), (2, 5, 7)],
                "As duas formas estão certas e trocadas: a pergunta quer primeiro "
                "`weights`, depois `output`.",
                FUNCTION,
            ),
        ],
    ),
    ValueExercise(
        id="4.2",
        answer=lambda: _hand_weight(1, 2),
        tolerance=0.0006,
        praise="Consulta de um, chave do outro, divisão por √2 e softmax na linha "
        "inteira.",
        mistakes=[
            Mistake(
                "unscaled",
                lambda: _hand_weight(1, 2, 1),
                "Você pulou o passo 3: faltou dividir os escores por √2 antes da "
                "exponencial. Sem isso a linha concentra mais.",
                HAND,
            ),
            Mistake(
                "divided-by-d_k",
                lambda: _hand_weight(1, 2, 2),
                "Você dividiu os escores por d_k = 2. O divisor é a raiz: √2 = 1,414.",
                HAND,
            ),
            Mistake(
                "sqrt-T",
                lambda: _hand_weight(1, 2, math.sqrt(3)),
                "Você dividiu por √3, e 3 é o número de tokens (e a largura do valor). "
                "O divisor usa o tamanho da chave, d_k = 2.",
                HAND,
            ),
            Mistake(
                "transposed",
                lambda: _hand_weight(2, 1),
                "Esse é o peso que `miou` dá a `telhado`. A pergunta é no outro "
                "sentido, e agora os sentidos são diferentes.",
                WORKED,
            ),
            Mistake(
                "scale-after",
                lambda: _hand_weight(1, 2, 1) / math.sqrt(2),
                "Você dividiu por √2 depois da softmax. O passo 3 vem antes do 4: "
                "dividem-se os escores; os pesos já somam 1.",
                HAND,
            ),
            Mistake(
                "multiplied",
                lambda: _hand_weight(1, 2, 2**-0.5),
                "Você multiplicou os escores por √2. O passo 3 divide.",
                HAND,
            ),
            Mistake(
                "to-itself",
                lambda: _hand_weight(1, 1),
                "Esse é o peso que `telhado` dá a si mesmo. A pergunta é sobre a "
                "coluna de `miou`.",
                HAND,
            ),
            Mistake(
                "row-of-miou",
                lambda: _hand_weight(2, 2),
                "Esse número sai de dois jeitos: é o peso que `miou` dá a si mesmo, na "
                "seção 3, ou a conta com as matrizes do outro lado (W·x). Quem "
                "pergunta é `telhado`, e a consulta é x·W_q: a segunda linha de W_q.",
                HAND,
            ),
            Mistake(
                "raw-query",
                lambda: _row_weight(HAND_K @ BY_HAND[1]),
                "Você projetou as chaves, mas usou x como consulta. Quem pergunta "
                "também se projeta: a consulta é x·W_q.",
                HAND,
            ),
            Mistake(
                "whole-row",
                lambda: [_hand_weight(1, j) for j in range(3)],
                "A linha de `telhado` está certa. A pergunta quer só um número: o peso "
                "que ele dá a `miou`.",
                HAND,
            ),
            Mistake(
                "no-telhado",
                lambda: 1 / (1 + math.exp(3 / math.sqrt(2))),
                "Na soma do passo 4 faltou a própria chave de `telhado`. O escore dela "
                "é negativo, mas a exponencial é positiva e também entra.",
                HAND,
            ),
            Mistake(
                "lost-sign",
                lambda: _row_weight(torch.tensor([4.0, 1.0, 1.0])),
                "Perdeu-se um sinal: o escore de `telhado` consigo é −1, e não 1.",
                HAND,
            ),
            Mistake(
                "to-gato",
                lambda: _hand_weight(1, 0),
                "Esse é o peso que `telhado` dá a `gato`. A pergunta é sobre a coluna "
                "de `miou`.",
                HAND,
            ),
            Mistake(
                "score",
                1.0,
                "1 é o escore de `telhado` com `miou`. Falta dividir por √2, aplicar a "
                "exponencial e repartir.",
                HAND,
            ),
            Mistake(
                "only-scaled",
                1 / math.sqrt(2),
                "0,707 é o escore já dividido por √2. Falta a softmax: exponencial, "
                "dividida pela soma das três.",
                HAND,
            ),
            Mistake(
                "only-exp",
                math.exp(1 / math.sqrt(2)),
                "Você parou na exponencial. Falta dividir pela soma das três.",
                HAND,
            ),
            Mistake(
                "raw-vectors",
                lambda: float(softmax(BY_HAND @ BY_HAND.T / math.sqrt(2))[1, 2]),
                "Esse número sai de dois jeitos: sem projetar, ou com a segunda coluna "
                "de W_q como consulta. A consulta é x·W_q; com x = (0, 1), a segunda "
                "linha de W_q. As chaves são x·W_k.",
                HAND,
            ),
            Mistake(
                "raw-unscaled",
                lambda: float(softmax(BY_HAND @ BY_HAND.T)[1, 2]),
                "Essa é a conta do caderno 03: os vetores x, sem projetar e sem "
                "dividir por √d_k.",
                HAND,
            ),
            Mistake(
                "queries-only",
                lambda: _row_weight(HAND_Q @ HAND_Q[1]),
                "Você comparou a consulta de `telhado` com as outras consultas. "
                "Quem responde é a chave: x·W_k.",
                HAND,
            ),
            Mistake(
                "roles-swapped",
                lambda: _row_weight(HAND_Q @ HAND_K[1]),
                "Você usou a chave de `telhado` contra as consultas dos outros. Quem "
                "pergunta usa a consulta: x·W_q.",
                WORKED,
            ),
            Mistake(
                "linear",
                1 / 4,
                "Você dividiu o escore pela soma dos escores (1 ÷ 4). Entre um e outro "
                "falta a exponencial.",
                HAND,
            ),
        ],
    ),
    FunctionExercise(
        id="4.3",
        reference=_reference,
        inputs=lambda: [
            sample(11, (5, 6), (6, 4), (6, 4), (6, 3)),
            sample(12, (2, 7, 5), (5, 3), (5, 3), (5, 4)),
        ],
        outputs=("output", "weights"),
        gradient=True,
        by_hand=("attention", "scaled_dot_product_attention"),
        own=False,  # nem a `attention` que o caderno define na seção 5
        praise="Cinco linhas, com batch e sem batch, e o gradiente chega às três "
        "matrizes: é tudo o que o caderno 05 precisa para treinar.",
        mistakes=[
            Mistake(
                "unscaled",
                _projected(lambda q, k, v: _attend(q, k, v, 1)),
                UNSCALED,
                SCALE,
                lambda got, x, W_q, W_k, W_v: (
                    "O maior peso da primeira linha ficou "
                    f"{decimal(_first_peak(got[1]))}; com a divisão seria "
                    f"{decimal(_first_peak(_reference(x, W_q, W_k, W_v)[1]))}."
                ),
            ),
            Mistake(
                "sqrt-d_model",
                _sqrt_d_model,
                "Você dividiu por √d_model, a largura de x. O que se multiplica nos "
                "escores são consultas e chaves: a raiz é da largura delas, d_k.",
                BREAK,
                _divided_by(
                    "√d_model",
                    lambda x, W_q, *_: tuple(math.sqrt(n) for n in W_q.shape),
                ),
            ),
            Mistake(
                "sqrt-T",
                _projected(lambda q, k, v: _attend(q, k, v, math.sqrt(k.shape[-2]))),
                "Você dividiu por √T, o número de tokens. Assim o mesmo par de "
                "palavras vale outra coisa em cada comprimento de frase.",
                BREAK,
                _divided_by(
                    "√T",
                    lambda x, W_q, *_: (
                        math.sqrt(x.shape[-2]),
                        math.sqrt(W_q.shape[-1]),
                    ),
                ),
            ),
            Mistake(
                "sqrt-d_v",
                _projected(lambda q, k, v: _attend(q, k, v, math.sqrt(v.shape[-1]))),
                "Você dividiu por √d_v, a largura dos valores. Os valores nem entram "
                "nos escores: a raiz é de d_k.",
                BREAK,
                _divided_by(
                    "√d_v",
                    lambda x, W_q, W_k, W_v: (
                        math.sqrt(W_v.shape[-1]),
                        math.sqrt(W_q.shape[-1]),
                    ),
                ),
            ),
            Mistake(
                "sqrt-first-axis",
                _projected(lambda q, k, v: _attend(q, k, v, math.sqrt(len(k)))),
                "Você usou o tamanho do primeiro eixo (`len` ou `shape[0]`): tokens, "
                "sem batch; frases, com batch. A largura é o último: `shape[-1]`.",
                BREAK,
                _divided_by(
                    "a raiz usada",
                    lambda x, W_q, *_: (math.sqrt(len(x)), math.sqrt(W_q.shape[-1])),
                ),
            ),
            Mistake(
                "sqrt-axis-1",
                _projected(lambda q, k, v: _attend(q, k, v, math.sqrt(k.shape[1]))),
                "Você usou o tamanho do eixo 1 (`shape[1]` ou `len(k[0])`): é a "
                "largura só sem batch; com batch, são os tokens. Conte do fim: "
                "`shape[-1]`.",
                BREAK,
                _divided_by(
                    "a raiz usada",
                    lambda x, W_q, *_: (
                        math.sqrt(x.shape[1]),
                        math.sqrt(W_q.shape[-1]),
                    ),
                ),
            ),
            Mistake(
                "sqrt-2",
                _projected(lambda q, k, v: _attend(q, k, v, math.sqrt(2))),
                "Você dividiu por √2, o número da seção 3. Lá d_k era 2; aqui ele "
                "muda a cada caso. Leia a largura do tensor: `k.shape[-1]`.",
                BREAK,
                _divided_by(
                    "a raiz usada",
                    lambda x, W_q, *_: (math.sqrt(2), math.sqrt(W_q.shape[-1])),
                ),
            ),
            Mistake(
                "constant",
                _projected(lambda q, k, v: _attend(q, k, v, 2)),
                "Você fixou d_k = 4, e só acerta quando a largura é 4. Leia a largura "
                "do próprio tensor: `k.shape[-1]`.",
                BREAK,
                _divided_by(
                    "a raiz usada",
                    lambda x, W_q, *_: (2.0, math.sqrt(W_q.shape[-1])),
                ),
            ),
            Mistake(
                "half",
                _projected(lambda q, k, v: _attend(q, k, v, q.shape[-1] / 2)),
                "Você dividiu por d_k ÷ 2. Em Python, `d_k**1/2` faz a potência e "
                "depois a divisão; a raiz é `d_k ** 0.5` ou `math.sqrt(d_k)`.",
                BREAK,
            ),
            Mistake(
                "precedence",
                _projected(lambda q, k, v: _attend(q, k, v, 2 * q.shape[-1])),
                "Os escores saíram divididos por 2·d_k. Em Python, `a / d_k**1/2` "
                "faz a potência e depois as divisões; a raiz é `d_k ** 0.5`.",
                BREAK,
            ),
            Mistake(
                "divided-by-d_k",
                _projected(lambda q, k, v: _attend(q, k, v, q.shape[-1])),
                SQUARE,
                BREAK,
            ),
            Mistake(
                "multiplied",
                _projected(lambda q, k, v: _attend(q, k, v, q.shape[-1] ** -0.5)),
                "Você multiplicou por √d_k. A intenção é diminuir os escores: divida.",
                SCALE,
            ),
            Mistake(
                "scale-after",
                _projected(_scale_after),
                "Você dividiu os pesos, depois da softmax. A divisão é dos escores, "
                "antes dela: depois, as linhas deixam de somar 1.",
                SCALE,
                _row_sums,
            ),
            Mistake(
                "no-softmax",
                _projected(_no_softmax),
                "Você misturou com os escores: falta a softmax entre eles e os pesos.",
                WORKED,
                _row_sums,
            ),
            Mistake(
                "no-softmax-unscaled",
                _projected(_raw_softmax_missing),
                "Você misturou com os escores: faltam a divisão por √d_k e, depois "
                "dela, a softmax.",
                WORKED,
                _row_sums,
            ),
            Mistake(
                "scores-for-weights",
                _projected(_scores_for_weights),
                "A saída está certa, mas no lugar dos pesos vieram os escores, de "
                "antes da softmax.",
                WORKED,
                _row_sums,
            ),
            Mistake(
                "transposed-mix",
                _projected(_transposed_mix),
                "Os pesos estão certos, mas a mistura usou a transposta: cada saída "
                "somou a coluna, e as colunas não somam 1.",
                WORKED,
            ),
            Mistake(
                "columns",
                _projected(lambda q, k, v: _attend(q, k, v, dim=-2)),
                COLUMNS,
                WORKED,
                _row_sums,
            ),
            Mistake(
                "columns-unscaled",
                _projected(lambda q, k, v: _attend(q, k, v, 1, dim=-2)),
                "São dois enganos: falta a divisão por √d_k, e a softmax correu pelas "
                "colunas. Quem reparte o peso é a linha: dim=-1.",
                WORKED,
                _row_sums,
            ),
            Mistake(
                "axis-0",
                _projected(lambda q, k, v: _attend(q, k, v, dim=0)),
                "Você normalizou o eixo 0: sem batch, é o das consultas; com batch, "
                "o das frases. Quem reparte é cada linha: dim=-1.",
                WORKED,
                _row_sums,
            ),
            Mistake(
                "whole-table",
                _projected(_whole_table),
                "Você dividiu pela soma da tabela inteira. Cada linha se divide pela "
                "própria soma: `sum(-1, keepdim=True)`.",
                WORKED,
                _row_sums,
            ),
            Mistake(
                "no-keepdim",
                _projected(_no_keepdim),
                "A soma de cada linha perdeu o eixo e se alinhou com as colunas. Falta "
                "o `keepdim=True`.",
                WORKED,
            ),
            Mistake(
                "axis-1",
                _projected(lambda q, k, v: _attend(q, k, v, dim=1)),
                "Você normalizou o eixo 1. Sem batch ele é o das chaves, e dá certo; "
                "com batch, (B, T, T), é o das consultas. Conte do fim: dim=-1.",
                WORKED,
                _row_sums,
            ),
            Mistake(
                "swapped",
                _projected(lambda q, k, v: _attend(k, q, v)),
                SWAPPED,
                WORKED,
            ),
            Mistake(
                "only-queries",
                _projected(lambda q, k, v: _attend(q, q, v)),
                "Você comparou as consultas entre si: W_k não entrou na conta. Os "
                "escores voltaram a ser simétricos, sem direção.",
                WORKED,
            ),
            Mistake(
                "only-keys",
                _projected(lambda q, k, v: _attend(k, k, v)),
                "Você comparou as chaves entre si: W_q não entrou na conta. Os escores "
                "voltaram a ser simétricos, sem direção.",
                WORKED,
            ),
            Mistake(
                "mix-x",
                lambda x, W_q, W_k, W_v: (
                    _reference(x, W_q, W_k, W_v)[1] @ x,
                    _reference(x, W_q, W_k, W_v)[1],
                ),
                "Os pesos estão certos, mas a mistura usou x. O que cada token entrega "
                "é o seu valor, x·W_v.",
                DICTIONARY,
            ),
            Mistake(
                "mix-keys",
                _projected(lambda q, k, v: _attend(q, k, k)),
                "Os pesos estão certos, mas você misturou as chaves. A chave serve "
                "para ser encontrada; o que se leva é o valor.",
                DICTIONARY,
            ),
            Mistake(
                "no-projection",
                lambda x, W_q, W_k, W_v: _attend(x, x, x),
                "Você usou x nos três papéis: nenhuma das matrizes entrou na "
                "conta. É a autoatenção do caderno 03, com a divisão.",
                WORKED,
            ),
            Mistake(
                "batch-transpose",
                _batch_transpose,
                "Sem batch está certo, mas com batch o `.T` inverte todos os eixos, "
                "o da frase também. Use `transpose(-2, -1)`.",
                FUNCTION,
            ),
            Mistake(
                "order",
                lambda *inputs: _reference(*inputs)[::-1],
                RIGHT_PAIR,
                FUNCTION,
            ),
        ],
    ),
    FunctionExercise(
        id="4.4",
        reference=lambda q, k, v: attention(q, k, v),
        inputs=lambda: [
            sample(13, (2, 5, 4), (2, 7, 4), (2, 7, 3)),
            sample(14, (6, 3), (4, 3), (4, 5)),
        ],
        outputs=("output", "weights"),
        praise="Com tamanhos iguais, o erro não aparecia. Por isso os testes deste "
        "curso usam tamanhos distintos.",
        mistakes=[
            Mistake(
                "sqrt-T_k",
                lambda q, k, v: _attend(q, k, v, math.sqrt(k.shape[-2])),
                "O erro continua ali. Chame a função com consultas (5, 3), chaves "
                "(7, 3) e valores (7, 2), e imprima cada número que entra na conta.",
                BREAK,
                untouched=True,
            ),
            Mistake(
                "sqrt-T_q",
                lambda q, k, v: _attend(q, k, v, math.sqrt(q.shape[-2])),
                "Agora a raiz é do número de consultas, T_q. Continua sendo uma "
                "contagem de tokens; falta a largura: o último eixo.",
                BREAK,
                _divided_by("√T_q", _roots(lambda q, k, v: q.shape[-2])),
            ),
            Mistake(
                "sqrt-d_v",
                lambda q, k, v: _attend(q, k, v, math.sqrt(v.shape[-1])),
                "O eixo agora está certo, o tensor não: a largura de v é d_v, e os "
                "valores não entram nos escores. Use a de k (ou a de q).",
                BREAK,
                _divided_by("√d_v", _roots(lambda q, k, v: v.shape[-1])),
            ),
            Mistake(
                "sqrt-first-axis",
                lambda q, k, v: _attend(q, k, v, math.sqrt(len(k))),
                "A raiz agora é do primeiro eixo, que com batch é o número de frases. "
                "A largura é o último: `shape[-1]`.",
                BREAK,
                _divided_by("a raiz usada", _roots(lambda q, k, v: len(k))),
            ),
            Mistake(
                "sqrt-axis-1",
                lambda q, k, v: _attend(q, k, v, math.sqrt(k.shape[1])),
                "`shape[1]` é a largura só sem batch; com batch, é o número de "
                "chaves. Conte do fim: `shape[-1]`.",
                BREAK,
                _divided_by("a raiz usada", _roots(lambda q, k, v: k.shape[1])),
            ),
            Mistake(
                "sqrt-axis-1-of-q",
                lambda q, k, v: _attend(q, k, v, math.sqrt(q.shape[1])),
                "`shape[1]` é a largura só sem batch; com batch, é o número de "
                "consultas. Conte do fim: `shape[-1]`.",
                BREAK,
                _divided_by("a raiz usada", _roots(lambda q, k, v: q.shape[1])),
            ),
            Mistake(
                "constant",
                lambda q, k, v: _attend(q, k, v, 2),
                "Você fixou d_k = 4, e só acerta quando a largura é 4. Leia a largura "
                "do próprio tensor.",
                BREAK,
                _divided_by("a raiz usada", _roots(lambda q, k, v: 4)),
            ),
            Mistake(
                "another-axis",
                lambda q, k, v: _attend(q, k, v, math.sqrt(k.shape[-2]), dim=-2),
                "Você trocou o eixo da softmax, que estava certo, e o erro continua na "
                "primeira linha. Desfaça e veja que eixo de `k` ela lê.",
                BREAK,
                _row_sums,
            ),
            Mistake(
                "sqrt-first-of-q",
                lambda q, k, v: _attend(q, k, v, math.sqrt(len(q))),
                "A raiz agora é do primeiro eixo de q, que com batch é o número de "
                "frases. A largura é o último: `shape[-1]`.",
                BREAK,
                _divided_by("a raiz usada", _roots(lambda q, k, v: len(q))),
            ),
            Mistake(
                "unscaled",
                lambda q, k, v: _attend(q, k, v, 1),
                UNSCALED,
                SCALE,
            ),
            Mistake(
                "divided-by-d_k",
                lambda q, k, v: _attend(q, k, v, q.shape[-1]),
                SQUARE,
                BREAK,
            ),
            Mistake(
                "columns",
                lambda q, k, v: _attend(q, k, v, dim=-2),
                "O divisor está certo, mas a softmax mudou de eixo. " + COLUMNS,
                WORKED,
                _row_sums,
            ),
            Mistake(
                "axis-1",
                lambda q, k, v: _attend(q, k, v, dim=1),
                "O divisor está certo, mas a softmax mudou de eixo: com batch, dim=1 é "
                "o das consultas. Quem reparte é cada linha: dim=-1.",
                WORKED,
                _row_sums,
            ),
            Mistake(
                "order",
                lambda q, k, v: attention(q, k, v)[::-1],
                RIGHT_PAIR,
                FUNCTION,
            ),
        ],
    ),
    FunctionExercise(
        id="4.5",
        reference=_agreeing(10.0, 10.0),
        inputs=lambda: [(_sheet(code),) for code in SENTENCES],
        outputs=("quem tem ao menos metade do maior peso", "passa de 0,9"),
        adapt=_adapt_head,
        praise="Aqui a consulta depende do próprio verbo: no singular, pede singular; "
        "no plural, plural. É o produto escalar trabalhando como comparação.",
        mistakes=[
            Mistake(
                "only-animate",
                _head([20.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]),
                "O verbo pede um animado, e só. Os bichos da frase empatam: falta o "
                "número, que tem de estar na consulta e na chave.",
                BUILT,
                _where,
            ),
            Mistake(
                "first-animate",
                _head([30.0, 0.0, -3.0, 0.0], [1.0, 1.0, 1.0, 1.0]),
                "Sua cabeça acha o primeiro animado, como a da seção 6. Aqui o certo "
                "nem sempre é o primeiro: quem decide é o número.",
                BUILT,
                _where,
            ),
            Mistake(
                "last-animate",
                _head([60.0, 0.0, 3.0, 0.0], [1.0, 1.0, 1.0, 1.0]),
                "Sua cabeça acha o último animado, o mais perto do verbo. Aqui quem "
                "decide é o número, e não a distância.",
                BUILT,
                _where,
            ),
            Mistake(
                "only-number",
                _agreeing(0.0, 20.0),
                "O verbo pede o mesmo número, e só. Inanimados também têm número, e o "
                "próprio verbo concorda consigo: falta pedir um animado. O pedido do "
                "verbo vai na linha 1 de W_q (na coluna 0 a ficha dele tem zero); e a "
                "ordem é W_q, W_k.",
                BUILT,
                _where,
            ),
            Mistake(
                "weak",
                _agreeing(2.0, 2.0),
                "O maior peso já cai no substantivo certo, mas nem sempre passa de "
                "0,9: a diferença entre os escores é pequena. Multiplique os números.",
                SCALE,
                lambda got, x: (
                    "Se W_q dobra, cada diferença entre escores também dobra."
                ),
            ),
            Mistake(
                "disagreeing",
                _agreeing(10.0, -10.0),
                "O sinal está trocado: a sua cabeça procura o número oposto ao do "
                "verbo. Menos vezes menos dá mais: consulta e chave devem carregar o "
                "número com o mesmo sinal.",
                BUILT,
                _where,
            ),
            Mistake(
                "always-plural",
                _head([10.0, 0.0, 0.0, 10.0], [1.0, 1.0, 1.0, 1.0]),
                "A sua consulta pede sempre plural, seja qual for o verbo. O número "
                "pedido tem de vir da ficha do verbo: da linha do número em W_q.",
                BUILT,
                _where,
            ),
            Mistake(
                "always-singular",
                _head([10.0, 0.0, 0.0, -10.0], [1.0, 1.0, 1.0, 1.0]),
                "A sua consulta pede sempre singular, seja qual for o verbo. O número "
                "pedido tem de vir da ficha do verbo: da linha do número em W_q.",
                BUILT,
                _where,
            ),
            Mistake(
                "itself",
                _same_sheet,
                "O verbo olha para si mesmo: a chave dele é a que mais combina com a "
                "sua consulta. É o que dá W_q igual a W_k, ou uma chave que mostra a "
                "coluna “verbo”. Separe o que se pede do que se mostra.",
                WORKED,
                _where,
            ),
            Mistake(
                "one-column",
                _summed_column,
                "Animado e número foram somados na mesma coluna. No singular, o pedido "
                "do verbo dá 1 + (−1) = 0, e a linha fica uniforme. Dê uma coluna a "
                "cada um.",
                BUILT,
                _where,
            ),
            Mistake(
                "not-a-pair",
                lambda x: (NOT_A_PAIR, NOT_A_PAIR),
                "A função deve devolver duas matrizes, nesta ordem: `return W_q, W_k`.",
                BUILT,
                lambda got, x: f"São {x.shape[-1]} linhas em cada uma.",
            ),
            Mistake(
                "wrong-shape",
                lambda x: (WRONG_SHAPE, WRONG_SHAPE),
                "As formas não combinam. W_q e W_k têm a forma (4, d_k): uma linha por "
                "coluna da ficha (animado, verbo, posição, número) e a mesma largura.",
                FUNCTION,
                lambda got, x: (
                    f"A ficha desta frase tem a forma {tuple(x.shape)}, e a conta é "
                    "x @ W_q e x @ W_k."
                ),
            ),
            Mistake(
                "nobody-asks",
                _head([0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]),
                "A consulta do verbo é o vetor nulo: a linha fica uniforme. Veja que "
                "colunas da ficha do verbo não são 0: é nessas linhas de W_q que o "
                "pedido se escreve.",
                BUILT,
                _where,
            ),
        ],
    ),
]


def _first_peak(weights):
    return float(torch.as_tensor(weights).flatten(0, -2)[0].max())
