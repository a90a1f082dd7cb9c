"""Exercícios do caderno 01: janelas, contagens, estado oculto e pistas."""

import math

import torch

from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    ValueExercise,
    decimal,
    sample,
)

COUNT, WINDOW, LEAK, RECURRENT, GRADIENT = (
    "seção 3, “Exemplo resolvido”",
    "seção 4, “A janela e a distância”",
    "seção 5, “Quebre de propósito”",
    "seção 6, “Ler uma palavra de cada vez”",
    "seção 7, “O caminho do gradiente”",
)

WORDS_NOT_COUNT = (
    "São essas as palavras que a janela precisa conter. Pediu-se quantas são: responda "
    "com um número."
)

# --- 1.3, o bigrama -------------------------------------------------------------------


def bigram_table(ids, n_words):
    """Linha i: a fração das vezes em que cada palavra segue a palavra i."""
    counts = torch.zeros(n_words, n_words)
    for now, following in zip(ids[:-1].tolist(), ids[1:].tolist()):
        counts[now, following] += 1
    return _by_row(counts)


def _by_row(counts):
    return counts / counts.sum(-1, keepdim=True).clamp(min=1)


def _counts(now, following, n_words):
    counts = torch.zeros(n_words, n_words)
    for i, j in zip(now.tolist(), following.tolist()):
        counts[i, j] += 1
    return counts


def _pairs(ids, n_words):
    return _counts(ids[:-1], ids[1:], n_words)


def _seen_once(ids, n_words):
    counts = torch.zeros(n_words, n_words)
    counts[ids[:-1], ids[1:]] += 1  # os pares repetidos contam uma vez só
    return counts


def _same_row(ids, n_words):
    """Todas as linhas são a mesma, a soma delas: `[[0] * n] * n` faz uma lista só."""
    return _pairs(ids, n_words).sum(0).repeat(n_words, 1)


SHARED_ROWS = (
    "Todas as linhas saíram iguais: em `[[0] * n] * n` há uma linha só, repetida, e o "
    "que se soma em uma aparece em todas. Use `torch.zeros(n_words, n_words)`."
)


def _nan_rows(got, ids, n_words):
    rows = int(torch.as_tensor(got).isnan().all(-1).sum())
    return f"Linhas só de nan: {rows} de {n_words}."


def _total(got, *inputs):
    return f"A tabela inteira soma {decimal(float(torch.as_tensor(got).sum()))}."


def _row_sums(got, *inputs):
    sums = torch.as_tensor(got).sum(-1).tolist()
    return "As linhas somam " + "; ".join(decimal(s, 2) for s in sums[:4]) + "…"


def _texts():
    first = torch.tensor([0, 1, 2, 0, 1, 3, 0, 1, 2, 5])
    generator = torch.Generator().manual_seed(1)
    return [(first, 7), (torch.randint(5, (40,), generator=generator), 6)]


# --- 1.4, a rede recorrente -----------------------------------------------------------


def read(x, W):
    """O estado oculto depois de ler todas as linhas de x, na ordem."""
    h = torch.zeros(W.shape[1])
    for word in x:
        h = torch.tanh(torch.cat([word, h]) @ W)
    return h


def _reader(step):
    def wrong(x, W):
        h = torch.zeros(W.shape[1])
        for word in x:
            h = step(word, h, W)
        return h

    return wrong


def _tanh_on_word(word, h, W):
    return torch.tanh(word @ W[: len(word)]) + h @ W[len(word) :]


def _starts_in_ones(x, W):
    h = torch.ones(W.shape[1])
    for word in x:
        h = torch.tanh(torch.cat([word, h]) @ W)
    return h


def _tanh_at_the_end(x, W):
    return torch.tanh(_reader(lambda word, h, W: torch.cat([word, h]) @ W)(x, W))


def _all_states(x, W):
    return torch.stack([read(x[: t + 1], W) for t in range(len(x))])


# --- 1.5, a pista ---------------------------------------------------------------------

HIDDEN = "■"
SENTENCES = [  # 1 = plural
    ("atrás das ruas , o ■ que estava perto das casas enfim ___", 0),
    ("longe do telhado , as ■ que estavam bem perto do muro ___", 1),
    ("as ■ ali também ___", 1),
    ("ontem , a ■ perto das árvores ___", 0),
    ("os ■ atrás da rua ___", 1),
    ("atrás do muro , o ■ ___", 0),
    ("diante da casa , os ■ logo ___", 1),
    ("longe dos carros , a ■ que estava longe do telhado ali enfim ___", 0),
    ("hoje , as ■ diante do carro logo ___", 1),
    ("o ■ longe dos muros ___", 0),
    ("perto da casa , os ■ que estavam atrás da árvore longe do muro ___", 1),
    ("a ■ perto do muro ___", 0),
]
PLURALS = {"os", "as", "dos", "das", "ruas", "casas", "carros", "muros", "árvores"}
PLURALS |= {"estavam"}
NOUNS = "rua casa carro muro árvore telhado".split()


def is_plural(words):
    """1 se o artigo logo antes do sujeito escondido está no plural."""
    return int(words[words.index(HIDDEN) - 1] in ("os", "as"))


def _last_noun(words):
    nouns = [w for w in words if w.removesuffix("s") in NOUNS]
    return int(bool(nouns) and nouns[-1].endswith("s"))


def _first_article(words):
    found = [w for w in words if w in ("o", "a", "os", "as", "do", "da", "dos", "das")]
    return int(found[0].endswith("s"))


def _majority(words):
    plural = sum(w in PLURALS for w in words)
    singular = sum(w + "s" in PLURALS or w == "estava" for w in words)
    return int(plural > singular)


def _article(words):
    return words[words.index(HIDDEN) - 1]


def _said(got, words):
    return f"Em “{' '.join(words)}”, ela respondeu {got!r}."


def _wrong_ones(got, words):
    return "Por exemplo, em “{}”, ela respondeu {}.".format(" ".join(words), int(got))


EXERCISES = [
    ValueExercise(
        id="1.1",
        answer=5,
        praise="São quatro palavras no meio (`que estava no telhado`) e mais `gato`. "
        "A janela alcança a distância d quando tem d + 1 palavras.",
        mistakes=[
            Mistake(
                "between",
                4,
                "4 é o número de palavras entre `gato` e `miou`. Com uma janela desse "
                "tamanho, a palavra mais antiga que ela vê é `que`: falta uma.",
                WINDOW,
            ),
            Mistake(
                "whole-prefix",
                6,
                "6 palavras são tudo o que vem antes do verbo, com o artigo `O`. Basta "
                "chegar até `gato`: pediu-se o mínimo.",
                WINDOW,
            ),
            Mistake(
                "whole-sentence",
                7,
                "7 é a frase inteira, com o próprio verbo. A janela só tem o que vem "
                "antes da palavra prevista.",
                WINDOW,
            ),
            Mistake(
                "bigram",
                1,
                "Com uma palavra, a janela só vê `telhado`. É o bigrama.",
                COUNT,
            ),
            Mistake(
                "from-the-left",
                2,
                "2 é o lugar de `gato` contado do início. A janela se conta a partir "
                "do verbo, para trás.",
                WINDOW,
            ),
            Mistake(
                "the-words",
                ["gato", "que", "estava", "no", "telhado"],
                WORDS_NOT_COUNT,
                WINDOW,
            ),
            Mistake(
                "the-words-backwards",
                ["telhado", "no", "estava", "que", "gato"],
                WORDS_NOT_COUNT,
                WINDOW,
            ),
        ],
    ),
    ValueExercise(
        id="1.2",
        answer=10,
        praise="0,5¹⁰ ≈ 0,00098. E com um fator 0,9, que parece perto de 1, bastam 66 "
        "palavras.",
        mistakes=[
            Mistake(
                "one-short",
                9,
                "Quase: 0,5⁹ ≈ 0,00195, ainda acima de um milésimo. Falta uma palavra.",
                GRADIENT,
            ),
            Mistake(
                "one-more",
                11,
                "Com 11 já está abaixo, mas a palavra anterior também: 0,5¹⁰ ≈ "
                "0,00098. Pediu-se a primeira vez.",
                GRADIENT,
            ),
            Mistake(
                "linear",
                500,
                "500 é mil vezes 0,5: uma conta de proporção. Aqui o fator se repete: "
                "0,5 · 0,5 · 0,5…, uma vez por palavra. A queda é exponencial.",
                GRADIENT,
            ),
            Mistake(
                "subtracting",
                2,
                "Com 2 palavras sobra 0,5 · 0,5 = 0,25. Você tirou 0,5 duas vezes; o "
                "fator multiplica, não subtrai.",
                GRADIENT,
            ),
            Mistake(
                "natural-log",
                7,
                "7 é o logaritmo natural de 1000, arredondado: serve para o fator 1/e. "
                "Com fator 0,5, divida por ln 2: ln 1000 ÷ ln 2.",
                GRADIENT,
            ),
            Mistake(
                "three-digits",
                3,
                "3 seria com um fator 0,1: cada palavra tiraria uma casa decimal. Com "
                "0,5, três palavras deixam 0,125.",
                GRADIENT,
            ),
            Mistake(
                "hyperbola",
                1000,
                "1000 é a resposta de uma queda em 1/n. O fator 0,5 repetido cai muito "
                "mais depressa.",
                GRADIENT,
            ),
            Mistake(
                "power",
                1024,
                "1024 é 2¹⁰, o primeiro dobro acima de 1000. A pergunta é quantas "
                "vezes se dobrou até chegar a ele.",
                GRADIENT,
            ),
            Mistake(
                "exact",
                lambda: math.log(1000) / math.log(2),
                "9,966 é onde a curva cruza um milésimo. As palavras vêm inteiras: "
                "qual é a primeira que já passou?",
                GRADIENT,
            ),
            Mistake(
                "far-past",
                12,
                "Com 12 já passou de longe: 0,5¹² ≈ 0,00024. Pediu-se a primeira vez; "
                "volte, palavra por palavra, enquanto ainda for menos de um milésimo.",
                GRADIENT,
            ),
            Mistake(
                "value-not-count",
                0.5**10,
                "Esse é o valor do gradiente, e não a conta das palavras. Pediu-se "
                "quantas vezes o 0,5 se repete até chegar a ele: um número inteiro.",
                GRADIENT,
            ),
        ],
        tolerance=0.01,
    ),
    FunctionExercise(
        id="1.3",
        reference=lambda ids, n_words: bigram_table(ids, n_words),
        inputs=_texts,
        outputs=("tabela",),
        praise="É um modelo de linguagem, dos mais simples que há: cada linha é uma "
        "previsão da próxima palavra. A linha soma 1, ou é toda 0.",
        mistakes=[
            Mistake(
                "assignment",
                lambda ids, n: _by_row(_seen_once(ids, n)),
                "Os pares repetidos contaram uma vez só. `counts[a, b] += 1`, com "
                "listas de índices, lê, soma e grava uma única vez por lugar. Use um "
                "laço, ou `index_put_` com `accumulate=True`.",
                COUNT,
            ),
            Mistake(
                "raw-counts",
                _pairs,
                "São as contagens. Falta dividir cada linha pela sua soma.",
                COUNT,
                _row_sums,
            ),
            Mistake(
                "raw-once",
                _seen_once,
                "Os pares repetidos contaram uma vez só (`counts[a, b] += 1` com "
                "listas de índices), e falta dividir cada linha pela sua soma.",
                COUNT,
                _row_sums,
            ),
            Mistake(
                "nan",
                lambda ids, n: _pairs(ids, n) / _pairs(ids, n).sum(-1, keepdim=True),
                "A palavra que nunca aparece antes de outra tem soma 0, e 0 ÷ 0 não é "
                "número. Essa linha deve ficar em 0.",
                COUNT,
                _nan_rows,
            ),
            Mistake(
                "nan-no-keepdim",
                lambda ids, n: _pairs(ids, n) / _pairs(ids, n).sum(-1),
                "Há duas coisas a corrigir. Sem `keepdim=True`, a soma da linha j "
                "divide a coluna j; e onde a soma é 0, a conta vira 0 ÷ 0.",
                COUNT,
            ),
            Mistake(
                "nan-assignment",
                lambda ids, n: (
                    _seen_once(ids, n) / _seen_once(ids, n).sum(-1, keepdim=True)
                ),
                "Há duas coisas a corrigir. Os pares repetidos contaram uma vez só "
                "(`counts[a, b] += 1` com listas de índices), e as linhas vazias "
                "viraram 0 ÷ 0.",
                COUNT,
                _nan_rows,
            ),
            Mistake(
                "transposed",
                lambda ids, n: _by_row(_pairs(ids, n).T),
                "A tabela está virada: a linha i diz o que vem antes da palavra i. "
                "Pediu-se o que vem depois.",
                COUNT,
            ),
            Mistake(
                "columns",
                lambda ids, n: (
                    _pairs(ids, n) / _pairs(ids, n).sum(0, keepdim=True).clamp(min=1)
                ),
                "Você dividiu cada coluna pela sua soma. Quem prevê é a linha, a "
                "palavra que já se leu: é ela que deve somar 1.",
                COUNT,
                _row_sums,
            ),
            Mistake(
                "no-keepdim",
                lambda ids, n: _pairs(ids, n) / _pairs(ids, n).sum(-1).clamp(min=1),
                "Faltou `keepdim=True`: sem ele, a soma da linha j divide a coluna j.",
                COUNT,
                _row_sums,
            ),
            Mistake(
                "joint",
                lambda ids, n: _pairs(ids, n) / (len(ids) - 1),
                "Você dividiu pelo número de pares: é a chance do par. A pergunta é "
                "outra: dada a palavra i, qual a chance da próxima? Cada linha "
                "tem a sua soma.",
                COUNT,
                _total,
            ),
            Mistake(
                "wrap",
                lambda ids, n: _by_row(_counts(ids, ids.roll(-1), n)),
                "O texto deu a volta: você contou a última palavra seguida da "
                "primeira. Com T palavras, há T − 1 pares.",
                COUNT,
            ),
            Mistake(
                "unigram",
                lambda ids, n: _counts(ids, ids, n).sum(0).expand(n, n) / len(ids),
                "Todas as linhas saíram iguais: é a frequência de cada palavra no "
                "texto, sem olhar para a anterior.",
                COUNT,
            ),
            Mistake(
                "same-word",
                lambda ids, n: _by_row(_counts(ids, ids, n)),
                "Você casou cada palavra com ela mesma. Os pares são `ids[:-1]` com "
                "`ids[1:]`.",
                COUNT,
            ),
            Mistake(
                "all-occurrences",
                lambda ids, n: (
                    _pairs(ids, n) / ids.bincount(minlength=n).clamp(min=1)[:, None]
                ),
                "Você dividiu pelas vezes em que a palavra aparece no texto. A última "
                "palavra do texto aparece sem nada depois: essa vez não conta.",
                COUNT,
                _row_sums,
            ),
            Mistake(
                "softmax",
                lambda ids, n: _pairs(ids, n).softmax(-1),
                "O `softmax` também faz cada linha somar 1, mas não dá a fração: até o "
                "par que nunca ocorreu fica acima de 0. Divida pela soma da linha.",
                COUNT,
            ),
            Mistake(
                "smoothed",
                lambda ids, n: (
                    (_pairs(ids, n) + 1) / (_pairs(ids, n) + 1).sum(-1, keepdim=True)
                ),
                "Você somou 1 a cada contagem. É a suavização de Laplace, útil na "
                "prática; aqui pede-se a fração contada, sem acréscimo.",
                COUNT,
            ),
            Mistake(
                "return-in-the-loop",
                lambda ids, n: _counts(ids[:1], ids[1:2], n),
                "Só o primeiro par foi contado: o `return` está dentro do laço, e a "
                "função sai na primeira volta. Ele deve ficar alinhado com o `for`.",
                COUNT,
            ),
            Mistake(
                "last-pair-left-out",
                lambda ids, n: _by_row(_pairs(ids[:-1], n)),
                "O último par ficou de fora. Com T palavras há T − 1 pares: "
                "`range(len(ids) - 1)` já para antes da última palavra.",
                COUNT,
            ),
            Mistake(
                "shared-rows",
                lambda ids, n: _by_row(_same_row(ids, n)),
                SHARED_ROWS,
                COUNT,
            ),
            Mistake(
                "shared-rows-raw",
                _same_row,
                SHARED_ROWS + " E falta dividir cada linha pela sua soma.",
                COUNT,
                _row_sums,
            ),
            Mistake(
                "percent",
                lambda ids, n: 100 * bigram_table(ids, n),
                "São porcentagens. Pediu-se a fração, entre 0 e 1: deixe de fora o "
                "100, e cada linha soma 1, ou é toda 0.",
                COUNT,
                _row_sums,
            ),
        ],
    ),
    FunctionExercise(
        id="1.4",
        reference=lambda x, W: read(x, W),
        inputs=lambda: [sample(11, (6, 3), (7, 4)), sample(13, (2, 5), (8, 3))],
        outputs=("h",),
        praise="O estado nasce uma vez, antes do laço, e passa de palavra em palavra. "
        "Tudo o que a rede guarda da frase cabe nesse vetor.",
        mistakes=[
            Mistake(
                "forgets",
                lambda x, W: read(x[-1:], W),
                "O estado volta a zero a cada palavra, e só a última entra na "
                "resposta. Onde `h` deve nascer?",
                RECURRENT,
                untouched=True,
            ),
            Mistake(
                "first-step",
                lambda x, W: read(x[:1], W),
                "O `return` está dentro do laço: a função sai na primeira palavra.",
                RECURRENT,
            ),
            Mistake(
                "no-tanh",
                _reader(lambda word, h, W: torch.cat([word, h]) @ W),
                "A `tanh` ficou de fora. Sem ela, o estado pode crescer sem limite.",
                RECURRENT,
            ),
            Mistake(
                "tanh-on-word",
                _reader(_tanh_on_word),
                "A `tanh` só agiu sobre a palavra. Ela se aplica à soma das duas "
                "partes, a da palavra e a do estado.",
                RECURRENT,
            ),
            Mistake(
                "swapped",
                _reader(lambda word, h, W: torch.tanh(torch.cat([h, word]) @ W)),
                "Você juntou o estado antes da palavra. As primeiras linhas de `W` são "
                "as da palavra: a ordem importa.",
                RECURRENT,
            ),
            Mistake(
                "adds-state",
                _reader(
                    lambda word, h, W: torch.tanh(word @ W[: len(word)] + h),
                ),
                "Você somou `h` direto, sem multiplicar pelas linhas de `W` que são "
                "dele. São elas que decidem o que o estado guarda.",
                RECURRENT,
            ),
            Mistake(
                "keeps-adding",
                _reader(lambda word, h, W: h + torch.tanh(torch.cat([word, h]) @ W)),
                "Você somou o estado novo ao antigo. Nesta rede, o novo toma o lugar "
                "do antigo.",
                RECURRENT,
            ),
            Mistake(
                "backwards",
                lambda x, W: read(x.flip(0), W),
                "A frase foi lida de trás para a frente.",
                RECURRENT,
            ),
            Mistake(
                "all-states",
                _all_states,
                "Você devolveu o estado depois de cada palavra. Só o último responde.",
                RECURRENT,
            ),
            Mistake(
                "never-updates",
                lambda x, W: torch.zeros(W.shape[1]),
                "O estado ficou todo em 0. O valor novo foi calculado, mas não foi "
                "guardado em `h`?",
                RECURRENT,
            ),
            Mistake(
                "sigmoid",
                _reader(lambda word, h, W: torch.sigmoid(torch.cat([word, h]) @ W)),
                "Você usou a sigmoide, que vai de 0 a 1. A rede da seção 6 usa `tanh`, "
                "que vai de −1 a 1.",
                RECURRENT,
            ),
            Mistake(
                "skips-first",
                lambda x, W: read(x[1:], W),
                "A primeira palavra ficou de fora.",
                RECURRENT,
            ),
            Mistake(
                "skips-last",
                lambda x, W: read(x[:-1], W),
                "A última palavra ficou de fora: `x[:-1]` para antes dela.",
                RECURRENT,
            ),
            Mistake(
                "first-twice",
                lambda x, W: read(torch.cat([x[:1], x]), W),
                "A primeira palavra foi lida duas vezes: uma antes do laço, e outra "
                "nele. O estado começa em 0, e o laço lê todas.",
                RECURRENT,
            ),
            Mistake(
                "starts-in-ones",
                _starts_in_ones,
                "O estado começou em 1. Antes da primeira palavra não há nada a "
                "lembrar: ele começa em 0, com `torch.zeros`.",
                RECURRENT,
            ),
            Mistake(
                "tanh-at-the-end",
                _tanh_at_the_end,
                "A `tanh` só agiu uma vez, depois do laço. Ela faz parte de cada "
                "passo: é o estado já espremido que segue para a próxima palavra.",
                RECURRENT,
            ),
        ],
    ),
    FunctionExercise(
        id="1.5",
        reference=lambda words: is_plural(words),
        inputs=lambda: [(sentence.split(),) for sentence, _ in SENTENCES],
        outputs=("plural",),
        praise="Nenhum substantivo foi lido, e o número saiu certo sempre. Um modelo "
        "treinado nessas frases pode tirar nota 10 sem ligar o verbo ao sujeito.",
        mistakes=[
            Mistake(
                "only-estavam",
                lambda words: int("estavam" in words),
                "`estavam` é uma das pistas, mas nem toda frase tem `que estava`. Há "
                "outra, que nunca falta, encostada no sujeito.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "last-noun",
                _last_noun,
                "Você concordou com o último substantivo antes do verbo. Ele é o "
                "atrator: fica perto e não manda no verbo.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "any-plural-article",
                lambda words: int(any(w in ("os", "as", "dos", "das") for w in words)),
                "Você procurou um artigo ou uma contração no plural em qualquer lugar. "
                "`das ruas` também tem, e não é o sujeito. Olhe só o que encosta no ■.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "ends-in-s",
                lambda words: int(any(w.endswith("s") for w in words)),
                "Você procurou um `s` final em qualquer palavra. `atrás` termina em "
                "`s` e não é plural; e `das ruas` é, sem ser o sujeito.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "first-article",
                _first_article,
                "Você usou o primeiro artigo da frase. Ele pode ser da expressão que "
                "vem antes do sujeito, como `do telhado`.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "majority",
                _majority,
                "Você fez uma votação entre todas as palavras. Os atratores também "
                "votam, e às vezes ganham.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "opposite",
                lambda words: 1 - is_plural(words),
                "A pista é essa, mas a resposta saiu trocada: 1 é plural, 0 é "
                "singular.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "always-singular",
                lambda words: 0,
                "A função respondeu singular em todas. Metade das frases é plural: "
                "isso é o acaso.",
                LEAK,
            ),
            Mistake(
                "always-plural",
                lambda words: 1,
                "A função respondeu plural em todas, e metade das frases é singular. "
                'Há um `or` na condição? `article == "os" or "as"` vale sempre '
                'verdadeiro; escreva `article in ("os", "as")`.',
                LEAK,
            ),
            Mistake(
                "or-word",
                lambda words: _article(words) == "os" or "as",
                'Confira o `or`: em `article == "os" or "as"`, o `"as"` sozinho vale '
                'sempre verdadeiro. Escreva `article in ("os", "as")`.',
                LEAK,
                _said,
            ),
            Mistake(
                "not-estava",
                lambda words: int("estava" not in words),
                "Sem `estava`, você respondeu plural. Mas há frases curtas, sem `que "
                "estava`, no singular. A pista que nunca falta encosta no sujeito.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "only-feminine",
                lambda words: int(_article(words) == "as"),
                "O lugar é esse, mas só o feminino foi reconhecido. O plural de `o` "
                "também conta.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "only-masculine",
                lambda words: int(words[words.index(HIDDEN) - 1] == "os"),
                "O lugar é esse, mas só o masculino foi reconhecido. O plural de `a` "
                "também conta.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "first-word",
                lambda words: int(words[0] in ("os", "as")),
                "Você leu a primeira palavra da frase. Há frases em que outra "
                "expressão vem antes do sujeito, como `longe do telhado`.",
                LEAK,
                _wrong_ones,
            ),
            Mistake(
                "word-after",
                lambda words: int(words[words.index(HIDDEN) + 1].endswith(("s", "m"))),
                "Você leu a palavra depois do ■. Em geral é `que`, `perto`, `longe`, "
                "`atrás`: nenhuma delas varia em número. Olhe para o outro lado.",
                LEAK,
                _wrong_ones,
            ),
        ],
    ),
]
