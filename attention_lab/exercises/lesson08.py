"""Exercícios do caderno 08."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from attention_lab.attention import attention
from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    ValueExercise,
    decimal,
    sample,
)
from attention_lab.layers import MultiHeadAttention

HAND = "seção 2, “À mão”"
BLOCK = "seção 3, “Exemplo resolvido: um bloco, passo a passo”"
BREAK = "seção 4, “O que quebra sem cada peça”"
MODEL = "seção 6, “O bloco e o GPT”"
GENERATE = "seção 11, “Gerar, um token de cada vez”"

D_MODEL = 48  # do exercício 8.2


# --- 8.1: normalização de camada ------------------------------------------------------


def layer_norm(x, gain, bias):
    return F.layer_norm(x, x.shape[-1:]) * gain + bias


def _normalised(x, dim, unbiased=False):
    centred = x - x.mean(dim, keepdim=True)
    return centred / (x.var(dim, keepdim=True, unbiased=unbiased) + 1e-5).sqrt()


def _norm_inputs(seed, *shape):
    x, gain, bias = sample(seed, shape, shape[-1:], shape[-1:])
    return 30 * x + 20, gain, bias  # grandes: o 1e-5 da raiz não pesa


def _first_token_spread(got, x, gain, bias):
    clean = (torch.as_tensor(got) - bias) / gain  # desfaz o ganho e o viés
    token = clean.reshape(-1, x.shape[-1])[0]
    return (
        "Desfeitos o ganho e o viés, o primeiro token tem média "
        f"{decimal(float(token.mean()))} e variância "
        f"{decimal(float(token.var(unbiased=False)))}; deveriam ser 0 e 1."
    )


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


def _cached_with(attend):
    """O cache certo, com outra conta no lugar da atenção."""

    def wrong(q, k_new, v_new, k_past, v_past):
        _, k, v = cached_step(q, k_new, v_new, k_past, v_past)
        return attend(q, k, v), k, v

    return wrong


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
        inputs=lambda: [_norm_inputs(1, 2, 5, 3), _norm_inputs(2, 4, 7)],
        outputs=("resultado",),
        gradient=True,
        by_hand=("layer_norm", "LayerNorm"),
        praise="Cada token foi normalizado sozinho: nenhum número passou de um token "
        "para outro.",
        mistakes=[
            Mistake(
                "over-tokens",
                lambda x, gain, bias: _normalised(x, -2) * gain + bias,
                "Você tirou a média ao longo dos tokens (dim=-2). Assim um token afeta "
                "o outro, e o futuro vaza. A conta corre dentro de cada token: dim=-1.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "over-tokens-unbiased",
                lambda x, gain, bias: _normalised(x, -2, unbiased=True) * gain + bias,
                "Você tirou a média ao longo dos tokens (dim=-2), e o desvio divide "
                "por T − 1. A conta corre dentro de cada token: dim=-1, "
                "`unbiased=False`.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "counted-from-the-left",
                lambda x, gain, bias: _normalised(x, 1) * gain + bias,
                "Com dim=1, o eixo depende de quantos x tem: em (B, T, d), é o dos "
                "tokens. Conte do fim: dim=-1 é sempre o de dentro do token.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "over-batch",
                lambda x, gain, bias: _normalised(x, 0) * gain + bias,
                "Com dim=0, em (B, T, d), a média mistura frases diferentes do batch. "
                "A conta corre dentro de cada token: dim=-1.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "whole-sentence",
                lambda x, gain, bias: _normalised(x, (-2, -1)) * gain + bias,
                "Você usou uma média e um desvio só para a frase inteira. Cada token "
                "tem os seus: dim=-1, com `keepdim=True`.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "everything",
                lambda x, gain, bias: (
                    (x - x.mean()) / (x.var(unbiased=False) + 1e-5).sqrt() * gain + bias
                ),
                "Você usou uma média e um desvio só para o tensor inteiro: faltou "
                "dizer o eixo. Cada token tem os seus: dim=-1, com `keepdim=True`.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "everything-unbiased",
                lambda x, gain, bias: (x - x.mean()) / x.std() * gain + bias,
                "Você usou uma média e um desvio só para o tensor inteiro: faltou "
                "dizer o eixo. Cada token tem os seus: dim=-1, com `keepdim=True`, e "
                "`unbiased=False` no desvio.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "unbiased",
                lambda x, gain, bias: (
                    (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True) * gain
                    + bias
                ),
                "Quase: o `std` e o `var` do PyTorch dividem por d − 1 quando ninguém "
                "diz o contrário. A normalização de camada divide por d: passe "
                "`unbiased=False`.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "variance",
                lambda x, gain, bias: (
                    (x - x.mean(-1, keepdim=True))
                    / (x.var(-1, keepdim=True, unbiased=False) + 1e-5)
                    * gain
                    + bias
                ),
                "Você dividiu pela variância. Divide-se pelo desvio padrão, que é a "
                "raiz dela.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "variance-unbiased",
                lambda x, gain, bias: (
                    (x - x.mean(-1, keepdim=True))
                    / (x.var(-1, keepdim=True) + 1e-5)
                    * gain
                    + bias
                ),
                "Dois enganos: você dividiu pela variância, e não pela raiz dela; e, "
                "sem `unbiased=False`, o `var` divide por d − 1.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "unit-length",
                lambda x, gain, bias: (
                    F.normalize(x - x.mean(-1, keepdim=True), dim=-1) * gain + bias
                ),
                "A média saiu, mas você dividiu pelo comprimento do vetor. O desvio "
                "padrão é o comprimento dividido por √d: a variância deve dar 1.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "not-centred",
                lambda x, gain, bias: (
                    x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * gain + bias
                ),
                "Você dividiu pelo tamanho sem subtrair a média. Isso existe e se "
                "chama RMSNorm; aqui a média de cada token também tem de sair.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "only-centred",
                lambda x, gain, bias: (x - x.mean(-1, keepdim=True)) * gain + bias,
                "Você subtraiu a média e parou. Falta dividir pelo desvio padrão.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "divided-before-centring",
                lambda x, gain, bias: (
                    (
                        (x / x.std(-1, keepdim=True, unbiased=False))
                        - x.mean(-1, keepdim=True)
                    )
                    * gain
                    + bias
                ),
                "Você dividiu antes de subtrair a média. A média se subtrai primeiro; "
                "o desvio divide a diferença.",
                HAND,
                _first_token_spread,
            ),
            Mistake(
                "no-gain-no-bias",
                lambda x, gain, bias: _normalised(x, -1),
                "A normalização está certa, mas `gain` e `bias` não entraram. São os "
                "parâmetros que deixam o treino escolher outra escala.",
                BLOCK,
            ),
            Mistake(
                "no-bias",
                lambda x, gain, bias: _normalised(x, -1) * gain,
                "Falta somar `bias` no fim.",
                BLOCK,
            ),
            Mistake(
                "no-gain",
                lambda x, gain, bias: _normalised(x, -1) + bias,
                "Falta multiplicar por `gain`, antes de somar `bias`.",
                BLOCK,
            ),
            Mistake(
                "bias-first",
                lambda x, gain, bias: (_normalised(x, -1) + bias) * gain,
                "Você somou `bias` antes de multiplicar por `gain`: o viés saiu "
                "multiplicado também. Primeiro o ganho, depois o viés.",
                BLOCK,
            ),
            Mistake(
                "gain-before",
                lambda x, gain, bias: _normalised(x * gain + bias, -1),
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
                "de cada camada linear, 192 na primeira e 48 na segunda.",
                MODEL,
            ),
            Mistake(
                "one-layer",
                4 * D_MODEL**2 + 4 * D_MODEL,
                "9408 é a metade do caminho: só a camada de 48 para 192, com os "
                "vieses. Ou são as quatro projeções da atenção, que somam o mesmo. "
                "A rede feed-forward tem ainda a volta, de 192 para 48.",
                MODEL,
            ),
            Mistake(
                "one-matrix",
                4 * D_MODEL**2,
                "Você contou uma matriz só, sem vieses. São duas: 48 → 192 e 192 → 48.",
                MODEL,
            ),
            Mistake(
                "not-widened",
                2 * D_MODEL**2 + 2 * D_MODEL,
                "Você contou duas camadas de 48 para 48. No meio a rede é quatro vezes "
                "mais larga: 48 → 192 → 48.",
                MODEL,
            ),
            Mistake(
                "not-widened-no-bias",
                2 * D_MODEL**2,
                "Você contou duas matrizes de 48 por 48, sem vieses. No meio a rede é "
                "quatro vezes mais larga: 48 → 192 → 48.",
                MODEL,
            ),
            Mistake(
                "only-the-first-bias",
                8 * D_MODEL**2 + 4 * D_MODEL,
                "Quase: contou os 192 vieses da primeira camada. Faltam os 48 da "
                "segunda.",
                MODEL,
            ),
            Mistake(
                "only-the-second-bias",
                8 * D_MODEL**2 + D_MODEL,
                "Quase: contou os 48 vieses da segunda camada. Faltam os 192 da "
                "primeira.",
                MODEL,
            ),
            Mistake(
                "narrow-bias-twice",
                8 * D_MODEL**2 + 2 * D_MODEL,
                "As matrizes estão certas, mas os vieses não: a primeira camada tem "
                "192 saídas, e portanto 192 vieses, não 48.",
                MODEL,
            ),
            Mistake(
                "square-in-the-middle",
                16 * D_MODEL**2,
                "36 864 é 192 × 192. Nenhuma matriz da rede tem esse tamanho: são 48 → "
                "192 e 192 → 48, e cada uma tem um viés por saída.",
                MODEL,
            ),
            Mistake(
                "thousands-point",
                (8 * D_MODEL**2 + 5 * D_MODEL) / 1000,
                "A conta está certa, mas em Python o ponto é o decimal: 18.672 é "
                "dezoito e pouco. Escreva 18672.",
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
                "As matrizes estão certas, mas os vieses não: a segunda camada tem 48 "
                "saídas, e portanto 48 vieses, não 192.",
                MODEL,
            ),
        ],
    ),
    FunctionExercise(
        id="8.3",
        reference=block,
        inputs=lambda: [_block_inputs(3, 2, 5, 6, 3), _block_inputs(4, 3, 7, 4, 2)],
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
                "norm-of-both-corrections",
                lambda x, norm_1, attend, norm_2, mlp: (lambda y: y + norm_2(mlp(y)))(
                    x + norm_1(attend(x))
                ),
                "Você normalizou o que cada peça escreve. O que se normaliza é o que "
                "ela lê: a normalização vem antes da peça.",
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
            _generation_inputs(5, 2, 3, 4),
            _generation_inputs(6, 3, 5, 6),
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
                "Você acrescentou um token só. São `n`: falta o laço, ou um `return` "
                "dentro dele o encerra na primeira volta.",
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
                BREAK,
                lambda got, q, *rest: (
                    f"Aqui √d_k = √{q.shape[-1]} = {decimal(math.sqrt(q.shape[-1]))}."
                ),
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
                _cached_with(attention),
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
