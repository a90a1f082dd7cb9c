"""Exercícios do caderno 08."""

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention_lab.attention import attention
from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    Refused,
    ValueExercise,
    decimal,
    sample,
)
from attention_lab.layers import MultiHeadAttention

HAND = "seção 2, “À mão”"
SCALE = "caderno 04, seção 7, “Por que dividir por √d_k”"
BLOCK = "seção 3, “Exemplo resolvido: um bloco, passo a passo”"
BREAK = "seção 4, “O que quebra sem cada peça”"
MODEL = "seção 6, “O bloco e o GPT”"
GENERATE = "seção 11, “Gerar, um token de cada vez”"

D_MODEL = 64  # do exercício 8.2
SECTION_6 = 48  # a largura do modelo da seção 6


# --- 8.1: normalização de camada ------------------------------------------------------


def layer_norm(x, gain, bias):
    return F.layer_norm(x, x.shape[-1:]) * gain + bias


def _centred(x, dim=-1):
    return x - x.mean(dim, keepdim=True)


def _variance(x, dim=-1, unbiased=False):
    return x.var(dim, keepdim=True, unbiased=unbiased)


def _normalised(x, dim=-1, unbiased=False):
    return _centred(x, dim) / (_variance(x, dim, unbiased) + 1e-5).sqrt()


def _norm_inputs(seed, *shape):
    x, gain, bias = sample(seed, shape, shape[-1:], shape[-1:])
    return 30 * x + 20, gain, bias  # grandes: o 1e-5 da raiz não pesa


def _norm_inputs_with_quiet_tokens(seed):
    """Um token de números iguais e um de variância 2,4e-5: o 1e-5 da raiz pesa."""
    x, gain, bias = _norm_inputs(seed, 2, 3, 4)
    x[0, 1] = 2.0
    x[1, 2] = 0.004 * torch.tensor([1.0, -2.0, 0.0, 1.0])
    return x, gain, bias


def _first_token_spread(got, x, gain, bias):
    clean = (torch.as_tensor(got) - bias) / gain  # desfaz o ganho e o viés
    token = clean.reshape(-1, x.shape[-1])[0]
    return (
        "Desfeitos o ganho e o viés, o primeiro token tem média "
        f"{decimal(float(token.mean()))} e variância "
        f"{decimal(float(token.var(unbiased=False)))}; deveriam ser 0 e 1."
    )


def _inside(variance):
    return (variance + 1e-5).sqrt()


def _outside(variance):
    return variance.sqrt() + 1e-5


UNIT_LENGTH = (
    "A média saiu, mas você dividiu pelo comprimento do vetor. O desvio padrão é o "
    "comprimento dividido por √d: a variância deve dar 1."
)


def _with_each_root(name, wrong, what, see=HAND, numbers=None):
    """O mesmo engano com o 1e-5 dentro da raiz, esquecido e fora dela.

    wrong: função (root, x, gain, bias), em que `root` leva da variância ao desvio
    """
    roots = [
        ("", _inside, ""),
        ("-no-epsilon", torch.sqrt, " E falta somar 1e-5 à variância, na raiz."),
        ("-epsilon-outside", _outside, " E o 1e-5 se soma à variância, na raiz."),
    ]
    return [
        Mistake(name + suffix, partial(wrong, root), what + also, see, numbers)
        for suffix, root, also in roots
    ]


def _on_axis(name, dim, what):
    """O eixo errado, com a divisão por n e por n − 1."""

    def wrong(unbiased, x, gain, bias):
        return _normalised(x, dim, unbiased) * gain + bias

    also = " E falta `unbiased=False`: o desvio divide por n − 1."
    return [
        Mistake(name + suffix, partial(wrong, u), text, HAND, _first_token_spread)
        for suffix, u, text in [("", False, what), ("-unbiased", True, what + also)]
    ]


# --- 8.3: o bloco ---------------------------------------------------------------------


def block(x, norm_1, attend, norm_2, mlp):
    x = x + attend(norm_1(x))
    return x + mlp(norm_2(x))


def _block_with_stream_normalised(x, norm_1, attend, norm_2, mlp):
    x = norm_1(x)
    x = x + attend(x)
    return x + mlp(norm_2(x))


def _both_streams_normalised(x, norm_1, attend, norm_2, mlp):
    x = norm_1(x)
    x = x + attend(x)
    x = norm_2(x)
    return x + mlp(x)


def _attend_unpacked(x, norm_1, attend, norm_2, mlp):
    out, _ = attend(norm_1(x))
    x = x + out
    return x + mlp(norm_2(x))


def _block_inputs(seed, B, T, d_model, n_heads):
    """x e as quatro peças, como funções de um tensor só."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        heads = MultiHeadAttention(d_model, n_heads)
        norms = [nn.LayerNorm(d_model), nn.LayerNorm(d_model)]
        mlp = nn.Sequential(
            nn.Linear(d_model, 2 * d_model), nn.GELU(), nn.Linear(2 * d_model, d_model)
        )
        for norm in norms:
            nn.init.normal_(norm.weight, 1.0, 0.5)
            nn.init.normal_(norm.bias, 0.0, 0.5)
    (x,) = sample(seed, (B, T, d_model))
    return 2 * x + 1, norms[0], lambda x: heads(x)[0], norms[1], mlp


# --- 8.4: gerar -----------------------------------------------------------------------


def greedy(predict, ids, n):
    for _ in range(n):
        chosen = predict(ids)[:, -1].argmax(-1, keepdim=True)
        ids = torch.cat([ids, chosen], dim=1)
    return ids


def _greedy_by(pick):
    """A mesma geração, com outra maneira de escolher o próximo token."""

    def wrong(predict, ids, n):
        for _ in range(n):
            ids = torch.cat([ids, pick(predict, ids)], dim=1)
        return ids

    return wrong


def _always_from_the_start(predict, ids, n):
    chosen = predict(ids)[:, -1].argmax(-1, keepdim=True)
    return torch.cat([ids, chosen.expand(-1, n)], dim=1)


def _all_at_once(predict, ids, n):
    return torch.cat([ids, predict(ids).argmax(-1)[:, -n:]], dim=1)


def _predict_unpacked(predict, ids, n):
    logits, _ = predict(ids)
    chosen = logits[:, -1].argmax(-1, keepdim=True)
    return torch.cat([ids, chosen], dim=1)


def _predict_first_sentence(predict, ids, n):
    chosen = predict(ids)[0][:, -1].argmax(-1, keepdim=True)
    return torch.cat([ids, chosen], dim=1)


def _backwards(predict, ids, n):
    for _ in range(n):
        chosen = predict(ids)[:, -1].argmax(-1, keepdim=True)
        ids = torch.cat([chosen, ids], dim=1)
    return ids


def _row_of_the_step(predict, ids, n):
    for step in range(n):
        chosen = predict(ids)[:, step].argmax(-1, keepdim=True)
        ids = torch.cat([ids, chosen], dim=1)
    return ids


def _sliding_window(predict, ids, n):
    for _ in range(n):
        ids = greedy(predict, ids, 1)[:, 1:]
    return ids


def _generation_inputs(seed, B, T, n, vocab_size=11):
    """Um "modelo" que soma o que o token atual e o passado dizem do próximo."""
    now, past = sample(seed, (vocab_size, vocab_size), (vocab_size, vocab_size))
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(vocab_size, (B, T), generator=generator)

    def predict(ids):
        steps = torch.arange(1, ids.shape[1] + 1)[:, None]  # (T, 1)
        return now[ids] + 2 * past[ids].cumsum(1) / steps.sqrt()  # (B, T, vocab_size)

    return predict, ids, n


# --- 8.5: cache KV --------------------------------------------------------------------


def cached_step(q, k_new, v_new, k_past, v_past):
    k = torch.cat([k_past, k_new], dim=-2)
    v = torch.cat([v_past, v_new], dim=-2)
    return attention(q, k, v)[0], k, v


def three_tensors(answer):
    """A resposta, sem aceitar um par, ou outra coisa, no lugar de um tensor."""

    def run(*inputs):
        value = answer(*inputs)
        parts = value if isinstance(value, tuple | list) else ()
        if parts and _is_pair(parts[0]):
            return pair_as_output()
        if any(_is_pair(part) for part in parts):
            raise Refused(
                "Devolva três tensores soltos, `output, k, v`, sem parênteses em volta "
                "dos dois últimos."
            )
        for part in parts:
            if part is None or isinstance(part, str):
                raise Refused(
                    "Devolva três tensores, `output, k, v`: um dos valores devolvidos "
                    f"é do tipo {type(part).__name__}."
                )
        return value

    return run


def _is_pair(part):
    return isinstance(part, tuple | list) and any(isinstance(p, Tensor) for p in part)


def pair_as_output(*inputs):
    """O que se diz a quem devolve o par inteiro; é também o engano "the-pair"."""
    raise Refused("Em vez de um tensor, `output` veio como um par.")


def _added_to_the_past(q, k_new, v_new, k_past, v_past):
    k, v = k_past + k_new, v_past + v_new
    return attention(q, k, v)[0], k, v


def _cached_with(attend):
    """O cache certo, com outra conta no lugar da atenção."""

    def wrong(q, k_new, v_new, k_past, v_past):
        _, k, v = cached_step(q, k_new, v_new, k_past, v_past)
        return attend(q, k, v), k, v

    return wrong


def _scaled_by(number):
    """O cache certo, com √number(k) no lugar de √d_k."""
    return _cached_with(lambda q, k, v: attention(q, k, v, scale=number(k) ** -0.5)[0])


def _new_first(q, k_new, v_new, k_past, v_past):
    k, v = torch.cat([k_new, k_past], -2), torch.cat([v_new, v_past], -2)
    return attention(q, k, v)[0], k, v


def _not_stored(q, k_new, v_new, k_past, v_past):
    return cached_step(q, k_new, v_new, k_past, v_past)[0], k_past, v_past


def _swapped_cache(q, k_new, v_new, k_past, v_past):
    output, k, v = cached_step(q, k_new, v_new, k_past, v_past)
    return output, v, k


def _two_attentions(q, k_new, v_new, k_past, v_past):
    past, new = attention(q, k_past, v_past)[0], attention(q, k_new, v_new)[0]
    return past + new, *cached_step(q, k_new, v_new, k_past, v_past)[1:]


def _cache_inputs(seed, B, T, d_k, d_v):
    return sample(seed, (B, 1, d_k), (B, 1, d_k), (B, 1, d_v), (B, T, d_k), (B, T, d_v))


EXERCISES = [
    FunctionExercise(
        id="8.1",
        reference=layer_norm,
        inputs=lambda: [
            _norm_inputs(1, 2, 5, 3),
            _norm_inputs(2, 4, 7),
            _norm_inputs_with_quiet_tokens(9),
        ],
        outputs=("resultado",),
        gradient=True,
        by_hand=("layer_norm", "LayerNorm"),
        praise="Cada token foi normalizado sozinho: nenhum número passou de um token "
        "para outro.",
        mistakes=[
            Mistake(
                "no-epsilon",
                lambda x, gain, bias: _centred(x) / _variance(x).sqrt() * gain + bias,
                "Num token de números iguais a variância é 0, e a divisão dá NaN: some "
                "1e-5 dentro da raiz.",
                HAND,
            ),
            Mistake(
                "epsilon-outside",
                lambda x, gain, bias: (
                    _centred(x) / _outside(_variance(x)) * gain + bias
                ),
                "Você somou 1e-5 ao desvio, depois da raiz. Ele se soma à variância, "
                "antes dela: num token de números quase iguais, faz diferença.",
                HAND,
            ),
            *_on_axis(
                "over-tokens",
                -2,
                "Você tirou a média ao longo dos tokens (dim=-2). Assim um token afeta "
                "o outro, e o futuro vaza. A conta corre dentro de cada token: dim=-1.",
            ),
            *_on_axis(
                "counted-from-the-left",
                1,
                "Com dim=1, o eixo depende de quantos x tem: em (B, T, d), é o dos "
                "tokens. Conte do fim: dim=-1 é sempre o de dentro do token.",
            ),
            *_on_axis(
                "over-batch",
                0,
                "Com dim=0, em (B, T, d), a média mistura frases diferentes do batch. "
                "A conta corre dentro de cada token: dim=-1.",
            ),
            *_on_axis(
                "whole-sentence",
                (-2, -1),
                "Você usou uma média e um desvio só para a frase inteira. Cada token "
                "tem os seus: dim=-1, com `keepdim=True`.",
            ),
            *_on_axis(
                "everything",
                None,
                "Você usou uma média e um desvio só para o tensor inteiro: faltou "
                "dizer o eixo. Cada token tem os seus: dim=-1, com `keepdim=True`.",
            ),
            *_with_each_root(
                "unbiased",
                lambda root, x, gain, bias: (
                    _centred(x) / root(_variance(x, unbiased=True)) * gain + bias
                ),
                "Quase: o `std` e o `var` do PyTorch dividem por d − 1 quando ninguém "
                "diz o contrário. A normalização de camada divide por d: passe "
                "`unbiased=False`.",
                numbers=_first_token_spread,
            ),
            *_with_each_root(
                "variance",
                lambda root, x, gain, bias: (
                    _centred(x) / root(_variance(x)) ** 2 * gain + bias
                ),
                "Você dividiu pela variância. Divide-se pelo desvio padrão, que é a "
                "raiz dela.",
                numbers=_first_token_spread,
            ),
            *_with_each_root(
                "variance-unbiased",
                lambda root, x, gain, bias: (
                    _centred(x) / root(_variance(x, unbiased=True)) ** 2 * gain + bias
                ),
                "Dois enganos: você dividiu pela variância, e não pela raiz dela; e, "
                "sem `unbiased=False`, o `var` divide por d − 1.",
                numbers=_first_token_spread,
            ),
            *_with_each_root(
                "unit-length",
                lambda root, x, gain, bias: (
                    _centred(x) / root(_centred(x).square().sum(-1, True)) * gain + bias
                ),
                UNIT_LENGTH,
                numbers=_first_token_spread,
            ),
            Mistake(
                "unit-length-by-normalize",
                lambda x, gain, bias: F.normalize(_centred(x), dim=-1) * gain + bias,
                UNIT_LENGTH,
                HAND,
                _first_token_spread,
            ),
            *_with_each_root(
                "not-centred",
                lambda root, x, gain, bias: (
                    x / root(x.square().mean(-1, keepdim=True)) * gain + bias
                ),
                "Você dividiu pelo tamanho sem subtrair a média. Isso existe e se "
                "chama RMSNorm; aqui a média de cada token também tem de sair.",
                numbers=_first_token_spread,
            ),
            Mistake(
                "only-centred",
                lambda x, gain, bias: _centred(x) * gain + bias,
                "Você subtraiu a média e parou. Falta dividir pelo desvio padrão.",
                HAND,
                _first_token_spread,
            ),
            *_with_each_root(
                "divided-before-centring",
                lambda root, x, gain, bias: (
                    (x / root(_variance(x)) - x.mean(-1, keepdim=True)) * gain + bias
                ),
                "Você dividiu antes de subtrair a média. A média se subtrai primeiro; "
                "o desvio divide a diferença.",
                numbers=_first_token_spread,
            ),
            *_with_each_root(
                "no-gain-no-bias",
                lambda root, x, gain, bias: _centred(x) / root(_variance(x)),
                "A normalização está certa, mas `gain` e `bias` não entraram. São os "
                "parâmetros que deixam o treinamento escolher outra escala.",
                BLOCK,
            ),
            *_with_each_root(
                "no-bias",
                lambda root, x, gain, bias: _centred(x) / root(_variance(x)) * gain,
                "Falta somar `bias` no fim.",
                BLOCK,
            ),
            *_with_each_root(
                "no-gain",
                lambda root, x, gain, bias: _centred(x) / root(_variance(x)) + bias,
                "Falta multiplicar por `gain`, antes de somar `bias`.",
                BLOCK,
            ),
            *_with_each_root(
                "bias-first",
                lambda root, x, gain, bias: (
                    (_centred(x) / root(_variance(x)) + bias) * gain
                ),
                "Você somou `bias` antes de multiplicar por `gain`: o viés saiu "
                "multiplicado também. Primeiro o ganho, depois o viés.",
                BLOCK,
            ),
            Mistake(
                "gain-before",
                lambda x, gain, bias: _normalised(x * gain + bias),
                "Você aplicou `gain` e `bias` antes de normalizar, e a normalização os "
                "desfaz em parte. Eles vêm depois.",
                BLOCK,
            ),
            Mistake(
                "softmax",
                lambda x, gain, bias: torch.softmax(x, -1) * gain + bias,
                "Você usou a softmax. Ela dá pesos que somam 1; a normalização de "
                "camada dá média 0 e variância 1, com números negativos também.",
                HAND,
                _first_token_spread,
            ),
        ],
    ),
    ValueExercise(
        id="8.2",
        answer=8 * D_MODEL**2 + 5 * D_MODEL,
        praise="8·d² + 5·d. As quatro projeções da atenção têm 4·d²: dois terços das "
        "matrizes do bloco estão na rede feed-forward, qualquer que seja a largura.",
        mistakes=[
            Mistake(
                "no-bias",
                8 * D_MODEL**2,
                "Você contou as duas matrizes e esqueceu os vieses: há um por saída "
                "de cada camada linear, 256 na primeira e 64 na segunda.",
                MODEL,
            ),
            Mistake(
                "one-layer",
                4 * D_MODEL**2 + 4 * D_MODEL,
                "16.640 é a metade do caminho: só a camada de 64 para 256, com os "
                "vieses. Ou são as quatro projeções da atenção, que somam o mesmo. "
                "A rede feed-forward tem ainda a volta, de 256 para 64.",
                MODEL,
            ),
            Mistake(
                "only-the-way-back",
                4 * D_MODEL**2 + D_MODEL,
                "16.448 é só a camada da volta, de 256 para 64, com os vieses. Falta a "
                "da ida, de 64 para 256.",
                MODEL,
            ),
            Mistake(
                "not-added",
                (4 * D_MODEL**2 + 4 * D_MODEL, 4 * D_MODEL**2 + D_MODEL),
                "As duas camadas estão certas. Agora some: a resposta é um número só.",
                MODEL,
            ),
            Mistake(
                "xor",
                8 * D_MODEL ^ 2 + 5 * D_MODEL,
                "834 é o que dá o `^`. Em Python, a potência é `**`: `8 * 64**2`.",
                MODEL,
            ),
            Mistake(
                "one-matrix",
                4 * D_MODEL**2,
                "Você contou uma matriz só, sem vieses. São duas: 64 → 256 e 256 → 64.",
                MODEL,
            ),
            Mistake(
                "not-widened",
                2 * D_MODEL**2 + 2 * D_MODEL,
                "Você contou duas camadas de 64 para 64. No meio a rede é quatro vezes "
                "mais larga: 64 → 256 → 64.",
                MODEL,
            ),
            Mistake(
                "not-widened-no-bias",
                2 * D_MODEL**2,
                "Você contou duas matrizes de 64 por 64, sem vieses. No meio a rede é "
                "quatro vezes mais larga: 64 → 256 → 64.",
                MODEL,
            ),
            Mistake(
                "only-the-first-bias",
                8 * D_MODEL**2 + 4 * D_MODEL,
                "Quase: contou os 256 vieses da primeira camada. Faltam os 64 da "
                "segunda.",
                MODEL,
            ),
            Mistake(
                "only-the-second-bias",
                8 * D_MODEL**2 + D_MODEL,
                "Quase: contou os 64 vieses da segunda camada. Faltam os 256 da "
                "primeira.",
                MODEL,
            ),
            Mistake(
                "narrow-bias-twice",
                8 * D_MODEL**2 + 2 * D_MODEL,
                "As matrizes estão certas, mas os vieses não: a primeira camada tem "
                "256 saídas, e portanto 256 vieses, não 64.",
                MODEL,
            ),
            Mistake(
                "square-in-the-middle",
                16 * D_MODEL**2,
                "65.536 é 256 × 256. Nenhuma matriz da rede tem esse tamanho: são 64 → "
                "256 e 256 → 64, e cada uma tem um viés por saída.",
                MODEL,
            ),
            Mistake(
                "thousands-point",
                (8 * D_MODEL**2 + 5 * D_MODEL) / 1000,
                "A conta está certa, mas em Python o ponto é o decimal: 33.088 é "
                "trinta e três e pouco. Escreva o número sem separador.",
                MODEL,
            ),
            Mistake(
                "width-of-section-6",
                8 * SECTION_6**2 + 5 * SECTION_6,
                "18.672 são os do modelo da seção 6, que tem d_model = 48. Aqui a "
                "largura é 64: refaça a conta com ela.",
                MODEL,
            ),
            Mistake(
                "times-heads",
                4 * (8 * D_MODEL**2 + 5 * D_MODEL),
                "Você multiplicou pelo número de cabeças. A rede feed-forward vem "
                "depois da mistura de W_o: é uma só, e não tem cabeças.",
                MODEL,
            ),
            Mistake(
                "times-tokens",
                7 * (8 * D_MODEL**2 + 5 * D_MODEL),
                "Você multiplicou pelo número de tokens. Os mesmos parâmetros servem a "
                "todos eles: a conta se repete, os parâmetros não.",
                MODEL,
            ),
            Mistake(
                "whole-block",
                12 * D_MODEL**2 + 13 * D_MODEL,
                "Esse é o bloco inteiro, com a atenção e as duas normalizações. A "
                "pergunta é só sobre a rede feed-forward.",
                MODEL,
            ),
            Mistake(
                "wide-bias-twice",
                8 * D_MODEL**2 + 8 * D_MODEL,
                "As matrizes estão certas, mas os vieses não: a segunda camada tem 64 "
                "saídas, e portanto 64 vieses, não 256.",
                MODEL,
            ),
        ],
    ),
    FunctionExercise(
        id="8.3",
        reference=block,
        inputs=lambda: [_block_inputs(3, 4, 5, 6, 3), _block_inputs(4, 3, 7, 4, 2)],
        outputs=("x",),
        praise="O fluxo residual passou intacto: cada peça lê uma cópia normalizada e "
        "soma a sua correção ao original.",
        mistakes=[
            Mistake(
                "stream-normalised",
                _block_with_stream_normalised,
                "O erro continua ali. Siga a variável `x` linha por linha: a que a "
                "atenção soma ainda é a que entrou?",
                BLOCK,
                untouched=True,
            ),
            Mistake(
                "both-streams-normalised",
                _both_streams_normalised,
                "Agora são duas as linhas que gravam a normalização por cima de `x`. A "
                "soma precisa do `x` de antes: normalize só o que a peça lê.",
                BLOCK,
            ),
            Mistake(
                "second-stream-normalised",
                lambda x, norm_1, attend, norm_2, mlp: (
                    lambda y: norm_2(y) + mlp(norm_2(y))
                )(x + attend(norm_1(x))),
                "A primeira soma está certa, mas a segunda soma a correção ao `x` "
                "normalizado. Normalize só o que a rede feed-forward lê.",
                BLOCK,
            ),
            Mistake(
                "post-norm",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: norm_2(y + mlp(y)))(
                    norm_1(x + attend(x))
                ),
                "Você normalizou depois de cada soma. É a ordem do Transformer "
                "original (post-LN); a do GPT-2 normaliza antes, só o que a peça lê.",
                "seção 13, “GPT, BERT e o Transformer original”",
            ),
            Mistake(
                "first-post-norm",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(norm_2(y)))(
                    norm_1(x + attend(x))
                ),
                "A primeira normalização veio depois da soma, e gravou por cima do "
                "fluxo. Normalize só o que a atenção lê: `attend(norm_1(x))`.",
                BLOCK,
            ),
            Mistake(
                "norm-of-the-correction",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(norm_2(y)))(
                    x + norm_1(attend(x))
                ),
                "Você normalizou o que a atenção escreve. O que se normaliza é o que "
                "ela lê: `attend(norm_1(x))`, de dentro para fora.",
                BLOCK,
            ),
            Mistake(
                "norm-of-the-second-correction",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + norm_2(mlp(y)))(
                    x + attend(norm_1(x))
                ),
                "A metade da atenção está certa, mas na outra você normalizou o que a "
                "rede feed-forward escreve. O que se normaliza é o que ela lê.",
                BLOCK,
            ),
            Mistake(
                "norm-of-both-corrections",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + norm_2(mlp(y)))(
                    x + norm_1(attend(x))
                ),
                "Você normalizou o que cada peça escreve. O que se normaliza é o que "
                "ela lê: a normalização vem antes da peça.",
                BLOCK,
            ),
            Mistake(
                "second-post-norm",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: norm_2(y + mlp(y)))(
                    x + attend(norm_1(x))
                ),
                "A metade da atenção está certa, mas a segunda normalização veio "
                "depois da soma. Normalize só o que a rede feed-forward lê.",
                BLOCK,
            ),
            Mistake(
                "normalised-at-the-end",
                lambda x, norm_1, attend, norm_2, mlp: norm_2(
                    block(x, norm_1, attend, norm_2, mlp)
                ),
                "As duas metades estão certas, mas você normalizou também o que o "
                "bloco devolve. O fluxo sai como está: quem o lê depois o normaliza.",
                BLOCK,
            ),
            Mistake(
                "one-copy-for-both",
                lambda x, norm_1, attend, norm_2, mlp: (
                    x + attend(norm_1(x)) + mlp(norm_1(x))
                ),
                "As duas peças leram a mesma cópia, normalizada antes da atenção. A "
                "rede feed-forward lê o fluxo já corrigido, com a sua própria "
                "normalização.",
                BLOCK,
            ),
            Mistake(
                "attend-unpacked",
                _attend_unpacked,
                "Aqui cada peça devolve um tensor só: não há par a separar.",
                BLOCK,
            ),
            Mistake(
                "attend-first-sentence",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(norm_2(y)))(
                    x + attend(norm_1(x))[0]
                ),
                "Aqui `attend` devolve um tensor só: não há par a separar. O `[0]` "
                "pegou a primeira frase do batch, e a somou a todas.",
                BLOCK,
            ),
            Mistake(
                "norm-added",
                lambda x, norm_1, attend, norm_2, mlp: (
                    lambda y: y + attend(y) + mlp(norm_2(y + attend(y)))
                )(x + norm_1(x)),
                "Você somou ao fluxo a cópia normalizada. Ela é só o que a atenção lê; "
                "o que se soma é a saída da atenção.",
                BLOCK,
            ),
            Mistake(
                "correction-lost",
                lambda x, norm_1, attend, norm_2, mlp: (
                    x + mlp(norm_2(x + attend(norm_1(x))))
                ),
                "A segunda soma partiu do `x` da entrada, e a correção da atenção se "
                "perdeu. Some ao fluxo já corrigido.",
                BLOCK,
            ),
            Mistake(
                "mlp-first",
                lambda x, norm_1, attend, norm_2, mlp: (
                    lambda y: y + attend(norm_1(y))
                )(x + mlp(norm_2(x))),
                "As duas peças trocaram de ordem: primeiro a atenção traz, depois a "
                "rede feed-forward transforma o que foi trazido.",
                BLOCK,
            ),
            Mistake(
                "mlp-reads-the-first-copy",
                lambda x, norm_1, attend, norm_2, mlp: (
                    x + attend(norm_1(x)) + mlp(norm_2(norm_1(x)))
                ),
                "A rede feed-forward leu a cópia normalizada de antes da atenção. Ela "
                "lê o fluxo já corrigido, normalizado de novo: `norm_2(x)`.",
                BLOCK,
            ),
            Mistake(
                "no-mlp",
                lambda x, norm_1, attend, norm_2, mlp: x + attend(norm_1(x)),
                "A metade da atenção está certa, mas a da rede feed-forward sumiu.",
                BLOCK,
            ),
            Mistake(
                "no-residual",
                lambda x, norm_1, attend, norm_2, mlp: mlp(norm_2(attend(norm_1(x)))),
                "Sumiram as duas somas: cada peça substitui `x` em vez de o corrigir.",
                BREAK,
            ),
            Mistake(
                "no-first-residual",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(norm_2(y)))(
                    attend(norm_1(x))
                ),
                "Falta a primeira soma: a saída da atenção substituiu `x`.",
                BREAK,
            ),
            Mistake(
                "no-second-residual",
                lambda x, norm_1, attend, norm_2, mlp: mlp(
                    norm_2(x + attend(norm_1(x)))
                ),
                "Falta a segunda soma: a saída da rede feed-forward substituiu `x`.",
                BREAK,
            ),
            Mistake(
                "no-first-norm",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(norm_2(y)))(
                    x + attend(x)
                ),
                "As somas estão certas, mas a atenção lê `x` sem normalizar: `norm_1` "
                "não foi usada.",
                BREAK,
            ),
            Mistake(
                "no-second-norm",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(y))(
                    x + attend(norm_1(x))
                ),
                "A atenção está certa, mas a rede feed-forward lê `x` sem normalizar: "
                "`norm_2` não foi usada.",
                BREAK,
            ),
            Mistake(
                "no-norms",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(y))(
                    x + attend(x)
                ),
                "As somas estão certas, mas as duas normalizações saíram junto com o "
                "erro. Elas ficam, na entrada de cada peça.",
                BREAK,
            ),
            Mistake(
                "parallel",
                lambda x, norm_1, attend, norm_2, mlp: (
                    x + attend(norm_1(x)) + mlp(norm_2(x))
                ),
                "As duas peças leram o mesmo `x`. No bloco elas vêm em fila: a rede "
                "feed-forward lê o fluxo já corrigido pela atenção.",
                BLOCK,
            ),
            Mistake(
                "norms-swapped",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(norm_1(y)))(
                    x + attend(norm_2(x))
                ),
                "As normalizações trocaram de lugar: `norm_1` é a da atenção, `norm_2` "
                "a da rede feed-forward. Cada uma tem os seus parâmetros.",
                BLOCK,
            ),
            Mistake(
                "norm-1-twice",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + mlp(norm_1(y)))(
                    x + attend(norm_1(x))
                ),
                "Você usou `norm_1` duas vezes. A rede feed-forward tem a sua "
                "normalização, `norm_2`, com outros parâmetros.",
                BLOCK,
            ),
        ],
    ),
    FunctionExercise(
        id="8.4",
        reference=greedy,
        inputs=lambda: [
            _generation_inputs(6, 3, 5, 6),  # B = 3: separar em dois dá erro
            _generation_inputs(5, 2, 3, 4),
        ],
        outputs=("ids",),
        praise="Prever, escolher, juntar, repetir: gerar texto é esse laço. O "
        "`generate` do GPT acrescenta o sorteio, a temperatura e o cache.",
        mistakes=[
            Mistake(
                "first-row",
                _greedy_by(lambda predict, ids: predict(ids)[:, 0].argmax(-1)[:, None]),
                "Você leu a primeira linha dos logits. A linha t prevê o token t + 1: "
                "quem prevê o próximo é a última, `[:, -1]`.",
                GENERATE,
            ),
            Mistake(
                "row-before-last",
                _greedy_by(
                    lambda predict, ids: predict(ids)[:, -2].argmax(-1)[:, None]
                ),
                "Você leu a penúltima linha. Ela prevê o token que já está na frase; o "
                "próximo está na última, `[:, -1]`.",
                GENERATE,
            ),
            Mistake(
                "least-likely",
                _greedy_by(
                    lambda predict, ids: predict(ids)[:, -1].argmin(-1)[:, None]
                ),
                "Você escolheu o menor logit: o token menos provável de todos.",
                GENERATE,
            ),
            Mistake(
                "predict-unpacked",
                _predict_unpacked,
                "Aqui `predict` devolve só os logits, (B, T, vocabulário): não há par "
                "a separar, como o do modelo da seção 11.",
                GENERATE,
            ),
            Mistake(
                "one-axis-less",
                _predict_first_sentence,
                "O token escolhido perdeu um eixo: falta `keepdim=True` no `argmax`. "
                "Ou há um `predict(ids)[0]`, que pegou só a primeira frase do batch: "
                "aqui `predict` devolve só os logits.",
                GENERATE,
            ),
            Mistake(
                "logit-as-token",
                _greedy_by(lambda predict, ids: predict(ids)[:, -1].amax(-1)[:, None]),
                "Entraram em `ids` números com vírgula: ou o maior logit, no lugar do "
                "número do token (`argmax`), ou um tensor criado sem "
                "`dtype=torch.long`.",
                GENERATE,
            ),
            Mistake(
                "last-word",
                _greedy_by(
                    lambda predict, ids: predict(ids)[:, :, -1].argmax(-1)[:, None]
                ),
                "Com `[:, :, -1]` ficou o logit da última palavra do vocabulário em "
                "cada posição, e o `argmax` escolheu uma posição da frase. O que "
                "interessa são todos os logits da última posição.",
                GENERATE,
            ),
            Mistake(
                "forgets-the-past",
                _greedy_by(
                    lambda predict, ids: predict(ids[:, -1:])[:, -1].argmax(-1)[:, None]
                ),
                "Você deu ao modelo só o último token. Sem cache, ele não tem como "
                "saber o que veio antes: passe a frase inteira a cada passo.",
                GENERATE,
            ),
            Mistake(
                "only-the-start",
                _always_from_the_start,
                "Você previu sempre a partir do mesmo começo, e repetiu o mesmo token. "
                "O token escolhido tem de entrar em `ids` antes do passo seguinte.",
                GENERATE,
            ),
            Mistake(
                "all-at-once",
                _all_at_once,
                "Você previu uma vez só e juntou várias linhas. As linhas do meio "
                "preveem tokens que a frase já tem; cada token novo pede outro passo.",
                GENERATE,
            ),
            Mistake(
                "one-token",
                lambda predict, ids, n: greedy(predict, ids, 1),
                "Você acrescentou um token só, e são `n`. Falta o laço; ou um `return` "
                "dentro dele o encerra na primeira volta; ou o token escolhido não "
                "voltou para `ids`, e cada volta recomeçou da mesma frase.",
                GENERATE,
            ),
            Mistake(
                "one-too-few",
                lambda predict, ids, n: greedy(predict, ids, n - 1),
                "Faltou um passo: o laço deu n − 1 voltas.",
                GENERATE,
            ),
            Mistake(
                "one-too-many",
                lambda predict, ids, n: greedy(predict, ids, n + 1),
                "Sobrou um passo: o laço deu n + 1 voltas.",
                GENERATE,
            ),
            Mistake(
                "every-row",
                _greedy_by(lambda predict, ids: predict(ids).argmax(-1)),
                "A cada passo você juntou uma previsão por token da frase. Só a da "
                "última linha é nova: `[:, -1]`.",
                GENERATE,
            ),
            Mistake(
                "row-of-the-step",
                _row_of_the_step,
                "No passo t você leu a linha t dos logits, contada do começo. A que "
                "interessa é sempre a última, `[:, -1]`.",
                GENERATE,
            ),
            Mistake(
                "window",
                _sliding_window,
                "A cada token que entra, você tirou o primeiro. A frase cresce: nada "
                "sai dela.",
                GENERATE,
            ),
            Mistake(
                "only-the-new",
                lambda predict, ids, n: greedy(predict, ids, n)[:, ids.shape[1] :],
                "Os tokens novos estão certos, mas o começo ficou de fora. Devolva a "
                "frase inteira, (B, T + n).",
                GENERATE,
            ),
            Mistake(
                "backwards",
                _backwards,
                "Você juntou o token novo antes do começo. Ele vai no fim: "
                "`torch.cat([ids, chosen], dim=1)`.",
                GENERATE,
            ),
        ],
    ),
    FunctionExercise(
        id="8.5",
        reference=cached_step,
        inputs=lambda: [_cache_inputs(7, 2, 5, 3, 4), _cache_inputs(8, 3, 6, 4, 5)],
        outputs=("output", "k", "v"),
        gradient=True,
        adapt=three_tensors,
        praise="Uma consulta, todas as chaves, nenhuma máscara: o passado inteiro pode "
        "ser visto, e o futuro ainda não existe.",
        mistakes=[
            Mistake(
                "only-the-past",
                lambda q, k_new, v_new, k_past, v_past: (
                    attention(q, k_past, v_past)[0],
                    *cached_step(q, k_new, v_new, k_past, v_past)[1:],
                ),
                "O cache cresceu, mas a atenção usou o de antes: o token novo não "
                "olhou para si mesmo. Junte primeiro, depois olhe.",
                GENERATE,
            ),
            Mistake(
                "only-the-new",
                lambda q, k_new, v_new, k_past, v_past: (
                    attention(q, k_new, v_new)[0],
                    *cached_step(q, k_new, v_new, k_past, v_past)[1:],
                ),
                "A atenção usou só a chave nova. Com uma chave, o peso é 1 e a saída é "
                "o próprio valor: o passado ficou de fora.",
                GENERATE,
            ),
            Mistake(
                "old-cache",
                lambda q, k_new, v_new, k_past, v_past: (
                    attention(q, k_past, v_past)[0],
                    k_past,
                    v_past,
                ),
                "O token novo não entrou em lugar nenhum: nem na atenção, nem no "
                "cache. Junte primeiro, depois olhe.",
                GENERATE,
            ),
            Mistake(
                "no-past",
                lambda q, k_new, v_new, k_past, v_past: (v_new, k_new, v_new),
                "Só a chave nova entrou na conta e no cache. Com uma chave, o peso é 1 "
                "e a saída é o próprio valor: o passado ficou de fora.",
                GENERATE,
            ),
            Mistake(
                "two-attentions",
                _two_attentions,
                "Você somou duas atenções, a do passado e a do token novo. Cada "
                "softmax soma 1, e juntas somam 2: a divisão tem de ser uma só, sobre "
                "as T + 1 chaves.",
                GENERATE,
            ),
            Mistake(
                "first-key",
                _cached_with(
                    lambda q, k, v: F.scaled_dot_product_attention(
                        q, k, v, is_causal=True
                    )
                ),
                "A consulta viu só a primeira chave. Com `is_causal=True` (ou uma "
                "máscara `tril` alinhada ao começo), a linha 0 só vê a chave 0; mas "
                "esta consulta é a última da frase, e pode ver todas.",
                GENERATE,
            ),
            Mistake(
                "not-stored",
                _not_stored,
                "A saída está certa, mas você devolveu o cache velho: no próximo passo "
                "faltaria este token. Devolva as chaves e os valores já juntados.",
                GENERATE,
            ),
            Mistake(
                "only-the-new-stored",
                lambda q, k_new, v_new, k_past, v_past: (
                    cached_step(q, k_new, v_new, k_past, v_past)[0],
                    k_new,
                    v_new,
                ),
                "A saída está certa, mas você devolveu só a chave e o valor novos. No "
                "próximo passo faltaria o passado: devolva tudo, já juntado.",
                GENERATE,
            ),
            Mistake(
                "new-first",
                _new_first,
                "Você pôs o token novo na frente dos antigos. A saída é a mesma, pois "
                "a atenção não vê a ordem, mas o cache ficou fora de ordem.",
                GENERATE,
            ),
            Mistake(
                "unscaled",
                _cached_with(lambda q, k, v: attention(q, k, v, scale=1.0)[0]),
                "O cache está certo, mas faltou dividir os escores por √d_k.",
                SCALE,
                lambda got, q, *rest: (
                    f"Aqui √d_k = √{q.shape[-1]} = {decimal(math.sqrt(q.shape[-1]))}."
                ),
            ),
            Mistake(
                "scale-of-the-length",
                _scaled_by(lambda k: k.shape[-2]),
                "O cache está certo, mas os escores foram divididos pela raiz do "
                "número de tokens, T + 1. A divisão é por √d_k, a largura da chave.",
                SCALE,
            ),
            Mistake(
                "scale-of-the-past",
                _scaled_by(lambda k: k.shape[-2] - 1),
                "O cache está certo, mas os escores foram divididos por √T, a raiz do "
                "número de tokens. A divisão é por √d_k, a largura da chave.",
                SCALE,
            ),
            Mistake(
                "added-to-the-past",
                _added_to_the_past,
                "Você somou a chave e o valor novos a cada um dos antigos. O cache "
                "cresce: o token novo entra como mais uma linha, depois das outras.",
                GENERATE,
            ),
            Mistake(
                "window",
                lambda q, k_new, v_new, k_past, v_past: cached_step(
                    q, k_new, v_new, k_past[:, 1:], v_past[:, 1:]
                ),
                "A chave nova entrou, mas a mais antiga saiu. O cache cresce: nenhuma "
                "chave sai, e são T + 1.",
                GENERATE,
            ),
            Mistake(
                "swapped",
                _swapped_cache,
                "A saída está certa, mas a ordem do cache não: devolva `output`, "
                "depois as chaves, depois os valores.",
                GENERATE,
            ),
            Mistake(
                "weights",
                _cached_with(lambda q, k, v: attention(q, k, v)[1]),
                "Você devolveu os pesos de atenção. `attention` devolve o par "
                "`(output, weights)`: aqui se pede o primeiro.",
                GENERATE,
            ),
            Mistake(
                "the-pair",
                pair_as_output,
                "`attention` devolve o par `(output, weights)`, e você devolveu o par "
                "inteiro no lugar da saída: separe, `output, _ = attention(…)`.",
                GENERATE,
                lambda got, *rest: "Em vez de um tensor, `output` veio como um par.",
            ),
            Mistake(
                "uniform",
                _cached_with(lambda q, k, v: v.mean(-2, keepdim=True)),
                "Você tirou a média dos valores: a consulta não entrou na conta.",
                GENERATE,
            ),
        ],
    ),
]
