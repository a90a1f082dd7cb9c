"""Exercícios do caderno 07: repartir, juntar e contar as cabeças."""

import torch

from attention_lab.attention import attention, causal_mask, merge_heads, split_heads
from attention_lab.exercises.engine import (
    FunctionExercise,
    Mistake,
    Refused,
    ValueExercise,
    decimal,
    sample,
)

BY_HAND, ONE_BY_ONE, FUSED, SHAPES, BREAK, COUNT, MIX = (
    "seção 2, “À mão”",
    "seção 3, “Exemplo resolvido: três cabeças, uma de cada vez”",
    "seção 4, “Um módulo só”",
    "seção 5, “Formas: um quebra-cabeça”",
    "seção 7, “Quebre de propósito”",
    "seção 8, “Quantos parâmetros”",
    "seção 9, “O que W_o mistura”",
)


def one_tensor(answer):
    """A resposta, sem aceitar no lugar do tensor uma lista de pedaços."""

    def run(*inputs):
        value = answer(*inputs)
        return returned_list() if isinstance(value, list | tuple) else value

    return run


def returned_list(*inputs):
    raise TypeError("a função devolveu uma lista de tensores, e não um tensor.")


def own_split(answer):
    """A resposta, se não é a `split_heads` do curso ou da seção 4, nem chama uma."""
    code = getattr(answer, "__code__", None)
    same_body = getattr(code, "co_code", None) == _split_of_section_4.__code__.co_code
    ready = answer is split_heads or (same_body and code.co_name == "split_heads")
    ready = ready or "split_heads" in getattr(code, "co_names", ())
    return ready_made if ready else one_tensor(answer)


def _split_of_section_4(x, n_heads):
    d_model = x.shape[-1]
    x = x.unflatten(-1, (n_heads, d_model // n_heads))
    return x.transpose(-3, -2)


def ready_made(*inputs):
    raise Refused(
        "O resultado veio pronto da `split_heads` da seção 4. Aqui o exercício é "
        "escrever a sua."
    )


def heads_by_view(x, n_heads):
    """O erro do `view`: a forma certa, com as posições misturadas."""
    B, T, d_model = x.shape
    return x.reshape(B, n_heads, T, d_model // n_heads)


def multi_head(q, k, v, n_heads):
    """Atenção causal em várias cabeças, de Q, K e V já projetados."""
    q, k, v = (split_heads(z, n_heads) for z in (q, k, v))
    output, weights = attention(q, k, v, causal_mask(q.shape[-2]))
    return merge_heads(output), weights


def head_contributions(heads, W_o):
    """A parcela de cada cabeça na saída: o bloco de colunas dela em W_o."""
    n_heads, d_k = heads.shape[1], heads.shape[-1]
    blocks = W_o.unflatten(1, (n_heads, d_k)).permute(1, 2, 0)  # (H, d_k, d_out)
    return heads @ blocks  # (B, H, T, d_out)


def _first_origin(got, x, n_heads):
    """De que token vieram os números da cabeça 1, no primeiro token."""
    head = torch.as_tensor(got)[0, 1, 0].float()
    distance = (x[0].unfold(-1, len(head), 1) - head).abs().sum(-1).amin(-1)
    return (
        "No primeiro token da segunda cabeça, os números que vieram são os do token "
        f"de índice {int(distance.argmin())}; deveriam ser os do token de índice 0."
    )


def _moved_first(x, n_heads):
    B, T, d_model = x.shape
    return x.transpose(1, 2).reshape(B, n_heads, T, d_model // n_heads)


def _token_slices(x, n_heads):
    d_k = x.shape[-1] // n_heads
    pieces = [x[:, h * d_k : (h + 1) * d_k] for h in range(n_heads)]
    return torch.stack(pieces, dim=1)


def _interleaved(x, n_heads):
    return x.unflatten(-1, (-1, n_heads)).permute(0, 3, 1, 2)


def _moved_first_by_view(x, n_heads):
    B, T, d_model = x.shape
    return x.transpose(1, 2).view(B, n_heads, T, d_model // n_heads)


def _overlapping(x, n_heads):
    d_k = x.shape[-1] // n_heads
    return torch.stack([x[:, :, h : h + d_k] for h in range(n_heads)], dim=1)


def _heads(split, merge, mask=causal_mask, scale=None):
    def wrong(q, k, v, n_heads):
        T = q.shape[1]
        parts = [split(z, n_heads) for z in (q, k, v)]
        factor = None if scale is None else scale(q)
        visible = None if mask is None else mask(T)
        output, weights = attention(*parts, visible, scale=factor)
        return merge(output), weights

    return wrong


def _merged_without_copy(x):
    B, H, T, d_k = x.shape
    return x.transpose(1, 2).view(B, T, H * d_k)


def _merged_widths_first(x):
    B, H, T, d_k = x.shape
    return x.transpose(2, 3).reshape(B, T, H * d_k)


def _merged_heads_moved_last(x):
    B, H, T, d_k = x.shape
    return x.transpose(1, 3).reshape(B, T, H * d_k)


def _merged_by_view(x):
    B, H, T, d_k = x.shape
    return x.reshape(B, T, H * d_k)


def _strict_future(T):
    return ~causal_mask(T)


def _future_weight(got, *inputs):
    weights = torch.as_tensor(got[1]).triu(1).sum(-1).amax()
    return (
        "A linha que mais olha para o futuro dá a ele "
        f"{decimal(float(weights))} do peso; deveria ser 0."
    )


def _total(heads, W_o):
    return merge_heads(heads) @ W_o.T


def _blocks(choose, join=lambda parts: torch.stack(parts, dim=1)):
    def wrong(heads, W_o):
        H = heads.shape[1]
        return join([heads[:, h] @ choose(W_o, h, H).T for h in range(H)])

    return wrong


def _columns(W_o, h, H):
    return W_o.chunk(H, dim=1)[h]


def _rows(W_o, h, H):
    d_k = W_o.shape[1] // H
    return W_o[h * d_k : (h + 1) * d_k]


def _reshaped(heads, W_o):
    H, d_k = heads.shape[1], heads.shape[-1]
    return heads @ W_o.reshape(H, d_k, -1)


def _reshaped_rows(heads, W_o):
    H, d_k = heads.shape[1], heads.shape[-1]
    return heads @ W_o.reshape(H, -1, d_k).transpose(-2, -1)


def _sum_over_heads(got, heads, W_o):
    have = float(torch.as_tensor(got)[0, :, 0, 0].sum())
    want = float(_total(heads, W_o)[0, 0, 0])
    return (
        "Somando as parcelas, o primeiro número da saída dá "
        f"{decimal(have)}; com `merge_heads(heads) @ W_o.T`, dá {decimal(want)}."
    )


EXERCISES = [
    ValueExercise(
        id="7.1",
        answer=(3, 4, 10, 10),
        praise="Uma tabela de 10 × 10 por cabeça e por frase: nem d_model nem d_k "
        "aparecem na forma dos pesos de atenção.",
        mistakes=[
            Mistake(
                "one-table",
                (3, 10, 10),
                "Essa é a forma com uma cabeça só. Com quatro, cada frase tem quatro "
                "tabelas de pesos, uma por cabeça.",
                SHAPES,
            ),
            Mistake(
                "query",
                (3, 4, 10, 6),
                "Essa é a forma de `q` depois de repartida. Os pesos vêm de `q` vezes "
                "`k` transposta: o eixo de 6 é somado, e some.",
                SHAPES,
            ),
            Mistake(
                "heads-compared",
                (3, 10, 4, 4),
                "Assim cada token compararia as suas quatro cabeças entre si. Faltou "
                "levar o eixo das cabeças para antes do eixo dos tokens.",
                SHAPES,
            ),
            Mistake(
                "tokens-before-heads",
                (3, 10, 4, 10),
                "Os tamanhos estão certos, mas a ordem não. O eixo das cabeças vem "
                "antes dos dois dos tokens, para que as duas últimas posições sejam a "
                "tabela.",
                SHAPES,
            ),
            Mistake(
                "widths-compared",
                (3, 4, 6, 6),
                "Assim se comparam as 6 coordenadas entre si. O que se compara são os "
                "tokens: uma linha por consulta, uma coluna por chave.",
                SHAPES,
            ),
            Mistake(
                "heads-last",
                (3, 10, 10, 4),
                "Os tamanhos estão certos, mas a ordem não. O eixo das cabeças vem "
                "antes dos tokens, para que as duas últimas posições sejam a tabela.",
                SHAPES,
            ),
            Mistake(
                "heads-first",
                (4, 3, 10, 10),
                "Os tamanhos estão certos, mas a ordem não: `split_heads` mantém o "
                "eixo do batch na frente e põe o das cabeças logo depois.",
                SHAPES,
            ),
            Mistake(
                "flattened",
                (12, 10, 10),
                "São mesmo 12 tabelas, 3 frases vezes 4 cabeças. Mas aqui os dois "
                "eixos ficam separados.",
                SHAPES,
            ),
            Mistake(
                "without-batch",
                (4, 10, 10),
                "São quatro tabelas de 10 × 10, uma por cabeça, para uma frase. O "
                "batch tem três: falta o primeiro eixo.",
                SHAPES,
            ),
            Mistake(
                "model-widths-compared",
                (3, 4, 24, 24),
                "Assim se comparam as 24 coordenadas entre si. O que se compara são os "
                "tokens, 10 com 10; a largura é o eixo que o produto escalar soma.",
                SHAPES,
            ),
            Mistake(
                "one-table-alone",
                (10, 10),
                "Essa é uma tabela só. Há uma por cabeça e por frase: faltam dois "
                "eixos.",
                SHAPES,
            ),
            Mistake(
                "one-row",
                (3, 4, 10),
                "Falta um eixo: cada consulta tem uma linha de pesos, com um número "
                "por chave. São 10 consultas e 10 chaves.",
                SHAPES,
            ),
            Mistake(
                "full-width",
                (3, 4, 10, 24),
                "A largura 24 se reparte entre as cabeças, e nem ela nem a de cada "
                "cabeça fica nos pesos: o produto escalar soma esse eixo.",
                SHAPES,
            ),
            Mistake(
                "output",
                (3, 10, 24),
                "Essa é a forma da saída da camada. A pergunta é pelos pesos de "
                "atenção: quanto cada consulta dá a cada chave, em cada cabeça.",
                SHAPES,
            ),
        ],
    ),
    ValueExercise(
        id="7.2",
        answer=4 * 96 * 96,
        praise="4 · 96² = 36.864, com 1, 8 ou 96 cabeças: elas repartem a largura, e "
        "não a multiplicam.",
        mistakes=[
            Mistake(
                "xor",
                4 * 96 ^ 2,
                "386 é o que dá o `^`. Em Python, a potência é `**`: `4 * 96**2`.",
                COUNT,
            ),
            Mistake(
                "times-heads",
                8 * 4 * 96 * 96,
                "Você contou matrizes inteiras, 96 × 96, para cada cabeça. Cada cabeça "
                "usa só 12 linhas de W_q, W_k e W_v, e 12 colunas de W_o.",
                COUNT,
            ),
            Mistake(
                "times-heads-one-output",
                8 * 3 * 96 * 96 + 96 * 96,
                "Você contou W_q, W_k e W_v inteiras, 96 × 96, para cada cabeça. A de "
                "cada cabeça é 12 × 96: as oito, juntas, dão uma de 96 × 96.",
                COUNT,
            ),
            Mistake(
                "without-output",
                3 * 96 * 96,
                "Você contou W_q, W_k e W_v, e esqueceu W_o, que também é 96 × 96.",
                MIX,
            ),
            Mistake(
                "output-per-head",
                8 * (3 * 12 * 96 + 96 * 96),
                "As três matrizes de 12 × 96 por cabeça estão certas, mas você deu "
                "também uma W_o inteira a cada cabeça. W_o é uma só, para as oito.",
                MIX,
            ),
            Mistake(
                "projections-divided",
                3 * 12 * 96 + 96 * 96,
                "W_o está certa, mas W_q, W_k e W_v ficaram divididas por 8: você "
                "contou as de uma cabeça só. São oito cabeças.",
                COUNT,
            ),
            Mistake(
                "one-matrix-per-head",
                8 * 96 * 96,
                "Você contou uma matriz de 96 × 96 para cada cabeça. São quatro ao "
                "todo: as cabeças as repartem.",
                COUNT,
            ),
            Mistake(
                "shape",
                (96, 96),
                "Essa é a forma de uma matriz. A pergunta é quantos números há nas "
                "quatro, ao todo.",
                COUNT,
            ),
            Mistake(
                "shape-of-four",
                (4, 96, 96),
                "Os tamanhos estão certos. Falta multiplicar: a resposta é um número "
                "só.",
                COUNT,
            ),
            Mistake(
                "thousands-dot",
                36.864,
                "Em Python, o ponto separa os decimais: 36.864 é pouco mais de 36. "
                "Escreva o número sem separador de milhar.",
                COUNT,
            ),
            Mistake(
                "thousands-comma",
                (36, 864),
                "Em Python, a vírgula faz um par: 36 e 864. Escreva o número sem "
                "separador de milhar.",
                COUNT,
            ),
            Mistake(
                "one-head",
                3 * 12 * 96,
                "Esses são os parâmetros de uma cabeça: três matrizes de 12 × 96. São "
                "oito cabeças, e falta W_o.",
                COUNT,
            ),
            Mistake(
                "divided",
                4 * 96 * 96 // 8,
                "Esse é o total dividido por 8. A largura de cada cabeça é que se "
                "divide; como as cabeças são oito, o total volta a ser o de uma só. (A "
                "entrada de cada uma continua com 96 números.)",
                COUNT,
            ),
            Mistake(
                "small-squares",
                4 * 12 * 12,
                "Você contou quatro matrizes de 12 × 12. Cada cabeça devolve 12 "
                "números, mas lê os 96 do token; e são oito cabeças.",
                COUNT,
            ),
            Mistake(
                "one-matrix",
                96 * 96,
                "Essa é uma matriz só. São quatro: W_q, W_k, W_v e W_o.",
                COUNT,
            ),
            Mistake(
                "with-bias",
                4 * (96 * 96 + 96),
                "Você somou 96 vieses a cada matriz. A conta está certa para "
                "`bias=True`; a pergunta é sem viés.",
                COUNT,
            ),
            Mistake(
                "small-output",
                3 * 96 * 96 + 12 * 96,
                "As três projeções estão certas, mas W_o recebe as oito cabeças lado a "
                "lado, 96 números, e devolve 96: é 96 × 96.",
                MIX,
            ),
        ],
    ),
    FunctionExercise(
        id="7.3",
        reference=lambda x, n_heads: split_heads(x, n_heads),
        inputs=lambda: [
            (*sample(71, (2, 6, 12)), 3),
            (*sample(72, (3, 8, 10)), 2),
            (*sample(73, (2, 1, 6)), 3),
        ],
        outputs=("heads",),
        gradient=True,
        adapt=own_split,
        praise="Repartir o último eixo e só então trocar de lugar: cada token fica com "
        "os seus próprios números.",
        mistakes=[
            Mistake(
                "view",
                heads_by_view,
                "A forma está certa, e o conteúdo não. O `view` direto para "
                "(B, H, T, d_k) corta a fila de números de cada frase em H pedaços: as "
                "posições se misturam. Reparta só o último eixo, e depois use "
                "`transpose`.",
                BREAK,
                _first_origin,
            ),
            Mistake(
                "no-transpose",
                lambda x, H: x.unflatten(-1, (H, -1)),
                "Você repartiu a largura do jeito certo e parou em (B, T, H, d_k). "
                "Falta trocar de lugar os eixos dos tokens e das cabeças.",
                FUSED,
            ),
            Mistake(
                "interleaved",
                _interleaved,
                "A forma está certa, e os números são do token certo, mas as cabeças "
                "se alternam: a primeira levou as coordenadas 0, H, 2H… Cada cabeça "
                "leva um bloco seguido: (H, d_k), nessa ordem, e não (d_k, H).",
                FUSED,
            ),
            Mistake(
                "sizes-swapped",
                lambda x, H: x.unflatten(-1, (-1, H)).transpose(1, 2),
                "Você repartiu em (d_k, H) em vez de (H, d_k): há tantas cabeças "
                "quanto deveria haver coordenadas, e o contrário.",
                FUSED,
            ),
            Mistake(
                "width-before-tokens",
                lambda x, H: split_heads(x, H).transpose(-2, -1),
                "As cabeças estão certas, mas cada uma saiu transposta: (d_k, T). O "
                "token é a linha: (T, d_k).",
                SHAPES,
            ),
            Mistake(
                "heads-first",
                lambda x, H: torch.stack(x.chunk(H, dim=-1)),
                "Os pedaços estão certos, mas o eixo das cabeças ficou na frente do "
                "batch. Ele vem logo depois: `dim=1` no `stack`.",
                SHAPES,
            ),
            Mistake(
                "heads-last",
                lambda x, H: torch.stack(x.chunk(H, dim=-1), dim=-1),
                "Os pedaços estão certos, mas o eixo das cabeças ficou por último. Ele "
                "vem antes dos tokens: `dim=1` no `stack`, ou `transpose(1, 2)`.",
                SHAPES,
            ),
            Mistake(
                "returned-list",
                returned_list,
                "Você devolveu uma lista do Python. Junte os pedaços em um tensor só, "
                "com `torch.stack(pieces, dim=1)`: o eixo novo é o das cabeças.",
                SHAPES,
                lambda got, x, n_heads: (
                    "O pedido é um tensor de forma "
                    f"{tuple(split_heads(x, n_heads).shape)}."
                ),
            ),
            Mistake(
                "concatenated-tokens",
                lambda x, H: torch.cat(x.chunk(H, dim=-1), dim=1),
                "Os pedaços estão certos, mas o `cat` com `dim=1` os emendou como se "
                "fossem mais tokens. Quem cria o eixo das cabeças é o `stack`.",
                SHAPES,
            ),
            Mistake(
                "concatenated-batch",
                lambda x, H: torch.cat(x.chunk(H, dim=-1), dim=0),
                "Os pedaços estão certos, mas o `cat` com `dim=0` os emendou como se "
                "fossem mais frases. Quem cria o eixo das cabeças é o `stack`.",
                SHAPES,
            ),
            Mistake(
                "concatenated-width",
                lambda x, H: x,
                "Saiu o próprio `x`: o `cat` no último eixo desfaz a repartição. Quem "
                "cria o eixo das cabeças é o `stack`.",
                SHAPES,
            ),
            Mistake(
                "batch-moved",
                lambda x, H: x.unflatten(-1, (H, -1)).transpose(0, 1),
                "Você repartiu a largura do jeito certo, mas trocou o batch com os "
                "tokens. A troca é entre os tokens e as cabeças: `transpose(1, 2)`.",
                FUSED,
            ),
            Mistake(
                "moved-first",
                _moved_first,
                "Você trocou os eixos antes de repartir, e o `reshape` cortou a fila "
                "na ordem errada. Primeiro reparta o último eixo; depois, troque.",
                BREAK,
            ),
            Mistake(
                "moved-first-by-view",
                _moved_first_by_view,
                "Você trocou os eixos antes de repartir, e o `view` reclamou. O "
                "`reshape` não reclamaria, e cortaria a fila na ordem errada. Primeiro "
                "reparta o último eixo; depois, troque.",
                BREAK,
            ),
            Mistake(
                "moved-last",
                lambda x, H: x.unflatten(-1, (H, -1)).transpose(1, 3),
                "Você repartiu a largura do jeito certo, mas trocou os tokens com as "
                "coordenadas, de ponta a ponta. A troca é entre os tokens e as "
                "cabeças.",
                FUSED,
            ),
            Mistake(
                "overlapping",
                _overlapping,
                "As fatias se sobrepõem: cada uma começa só uma coordenada depois da "
                "anterior. Os blocos vêm um depois do outro: a cabeça h começa depois "
                "das h anteriores inteiras.",
                ONE_BY_ONE,
            ),
            Mistake(
                "first-head",
                lambda x, H: split_heads(x, H)[:, :1],
                "Saiu só a primeira cabeça: um `return` dentro do laço o encerra na "
                "primeira volta.",
                ONE_BY_ONE,
            ),
            Mistake(
                "first-head-alone",
                lambda x, H: split_heads(x, H)[:, 0],
                "Saiu só a primeira cabeça, sem o eixo das cabeças: um `return` dentro "
                "do laço o encerra na primeira volta, antes de haver o que juntar.",
                ONE_BY_ONE,
            ),
            Mistake(
                "token-slices",
                _token_slices,
                "As fatias pegaram tokens, e não coordenadas, e saíram desiguais. "
                "Falta um `:`: `x[:, :, h * d_k : (h + 1) * d_k]`.",
                ONE_BY_ONE,
            ),
            Mistake(
                "heads-after-tokens",
                lambda x, H: torch.stack(x.chunk(H, dim=1), dim=1),
                "Você repartiu os tokens: cada cabeça ficou com um trecho da frase. O "
                "que se reparte é a largura, o último eixo; toda cabeça vê todos os "
                "tokens.",
                ONE_BY_ONE,
            ),
            Mistake(
                "copies",
                lambda x, H: x.unsqueeze(1).expand(-1, H, -1, -1),
                "Cada cabeça recebeu a largura inteira. Ela se reparte: cada cabeça "
                "fica com d_model / n_heads coordenadas.",
                COUNT,
            ),
        ],
    ),
    FunctionExercise(
        id="7.4",
        reference=multi_head,
        inputs=lambda: [
            (*sample(74, (2, 5, 12), (2, 5, 12), (2, 5, 12)), 3),
            (*sample(75, (3, 7, 10), (3, 7, 10), (3, 7, 10)), 2),
        ],
        outputs=("output", "weights"),
        praise="O `transpose` da volta é o mesmo da ida. Só depois dele as cabeças de "
        "um token ficam lado a lado na memória.",
        mistakes=[
            Mistake(
                "merge-without-transpose",
                _heads(split_heads, _merged_by_view),
                "O erro continua ali. Mude o último token da frase e veja se a saída "
                "do primeiro muda: numa camada causal, não poderia.",
                BREAK,
                untouched=True,
            ),
            Mistake(
                "both-wrong",
                _heads(heads_by_view, _merged_by_view),
                "Agora a ida e a volta estão erradas, e os dois erros se combinam: "
                "nada vaza do futuro, mas o passado ficou cego. A ida já estava certa; "
                "conserte só a volta.",
                BREAK,
            ),
            Mistake(
                "split-by-view",
                _heads(heads_by_view, merge_heads),
                "A volta agora está certa, mas você estragou a ida: o `view` direto "
                "para (B, H, T, d_k) mistura as posições.",
                BREAK,
            ),
            Mistake(
                "merged-interleaved",
                _heads(split_heads, lambda x: x.permute(0, 2, 3, 1).flatten(-2)),
                "Os tokens estão no lugar, mas as cabeças saíram intercaladas, uma "
                "coordenada de cada. Traga para o fim (H, d_k), nessa ordem.",
                FUSED,
            ),
            Mistake(
                "view-complains",
                _heads(split_heads, _merged_without_copy),
                "Depois de um `transpose`, os números não estão em fila na memória, e "
                "o `view` reclama. Use `reshape`, que aceita qualquer ordem, também a "
                "errada: confira se a troca é entre as cabeças e os tokens, "
                "`transpose(1, 2)`.",
                BREAK,
            ),
            Mistake(
                "widths-moved",
                _heads(split_heads, _merged_widths_first),
                "Você trocou os tokens com as coordenadas. A troca é entre as cabeças "
                "e os tokens, a mesma da ida: `transpose(1, 2)`.",
                FUSED,
            ),
            Mistake(
                "heads-moved-last",
                _heads(split_heads, _merged_heads_moved_last),
                "Você trocou as cabeças com as coordenadas, de ponta a ponta. A troca "
                "é entre as cabeças e os tokens, a mesma da ida.",
                FUSED,
            ),
            Mistake(
                "heads-moved-last-joined",
                _heads(split_heads, lambda x: x.transpose(1, 3).flatten(2)),
                "Você trocou as cabeças com as coordenadas, de ponta a ponta, e juntou "
                "tokens com cabeças. A troca é entre as cabeças e os tokens, a mesma "
                "da ida.",
                FUSED,
            ),
            Mistake(
                "concatenated-tokens",
                _heads(split_heads, lambda x: torch.cat(x.unbind(1), dim=1)),
                "As cabeças ficaram emendadas como se fossem mais tokens. Elas ficam "
                "lado a lado na largura: é preciso que os eixos (H, d_k) sejam os "
                "vizinhos que se juntam.",
                ONE_BY_ONE,
            ),
            Mistake(
                "averaged",
                _heads(split_heads, lambda x: x.mean(1)),
                "Você tirou a média das cabeças. Elas se põem lado a lado: a saída tem "
                "a largura d_model, e é W_o que depois as mistura.",
                MIX,
            ),
            Mistake(
                "added",
                _heads(split_heads, lambda x: x.sum(1)),
                "Você somou as cabeças. Elas se põem lado a lado: a saída tem a "
                "largura d_model, e é W_o que depois as mistura.",
                MIX,
            ),
            Mistake(
                "not-merged",
                _heads(split_heads, lambda x: x.transpose(1, 2)),
                "O `transpose` está certo. Falta juntar os dois últimos eixos: de "
                "(B, T, H, d_k) para (B, T, d_model).",
                FUSED,
            ),
            Mistake(
                "no-mask",
                _heads(split_heads, merge_heads, mask=None),
                "A volta está certa, mas a máscara causal sumiu: cada token olha para "
                "o futuro.",
                BREAK,
                _future_weight,
            ),
            Mistake(
                "inverted-mask",
                _heads(split_heads, merge_heads, mask=_strict_future),
                "A volta está certa, mas a máscara está invertida. Em `attention`, "
                "True quer dizer “pode olhar”; em `nn.MultiheadAttention`, o "
                "contrário.",
                "seção 6, “Confie, mas confira”",
                _future_weight,
            ),
            Mistake(
                "transposed-mask",
                _heads(split_heads, merge_heads, mask=lambda T: causal_mask(T).T),
                "A volta está certa, mas a máscara está transposta: o primeiro token "
                "vê tudo, e o último só a si mesmo.",
                BREAK,
                _future_weight,
            ),
            Mistake(
                "model-scale",
                _heads(split_heads, merge_heads, scale=lambda q: q.shape[-1] ** -0.5),
                "A volta está certa, mas os escores foram divididos por √d_model. Cada "
                "cabeça compara vetores de d_k coordenadas: a divisão é por √d_k.",
                BY_HAND,
            ),
            Mistake(
                "swapped",
                lambda q, k, v, n_heads: multi_head(q, k, v, n_heads)[::-1],
                "A conta está certa, mas a ordem da saída não: devolva primeiro "
                "`output`, depois `weights`.",
                FUSED,
            ),
        ],
    ),
    FunctionExercise(
        id="7.5",
        reference=head_contributions,
        inputs=lambda: [
            sample(76, (2, 3, 5, 4), (7, 12)),
            sample(77, (4, 2, 3, 5), (6, 10)),
        ],
        outputs=("parcels",),
        adapt=one_tensor,
        praise="Somadas as parcelas, sai a saída da camada. É por isso que se pode "
        "tirar uma cabeça e perguntar o que falta.",
        mistakes=[
            Mistake(
                "total",
                _total,
                "Essa é a saída da camada, com as cabeças já somadas. O que se pede é "
                "a parcela de cada uma, antes da soma: um eixo a mais.",
                MIX,
            ),
            Mistake(
                "same-block",
                _blocks(lambda W, h, H: W[:, : W.shape[1] // H]),
                "Todas as cabeças usaram o primeiro bloco de colunas de W_o. A cabeça "
                "h usa as colunas de h·d_k até (h+1)·d_k.",
                MIX,
                _sum_over_heads,
            ),
            Mistake(
                "returned-list",
                returned_list,
                "Você devolveu uma lista do Python. Junte as parcelas em um tensor só, "
                "com `torch.stack(parcels, dim=1)`: o eixo novo é o das cabeças.",
                MIX,
                lambda got, heads, W_o: (
                    "O pedido é um tensor de forma "
                    f"{tuple(head_contributions(heads, W_o).shape)}."
                ),
            ),
            Mistake(
                "first-head",
                lambda heads, W: head_contributions(heads, W)[:, :1],
                "Saiu só a parcela da primeira cabeça: um `return` dentro do laço o "
                "encerra na primeira volta.",
                ONE_BY_ONE,
            ),
            Mistake(
                "first-head-alone",
                lambda heads, W: head_contributions(heads, W)[:, 0],
                "Saiu só a parcela da primeira cabeça, sem o eixo das cabeças: um "
                "`return` dentro do laço o encerra na primeira volta, antes de haver o "
                "que juntar.",
                ONE_BY_ONE,
            ),
            Mistake(
                "rows-of-W_o",
                _blocks(_rows),
                "O que você usou de W_o ainda tem todas as H·d_k colunas: é W_o "
                "inteira, um corte de linhas ou uma fatia sem fim. A cabeça h ocupa só "
                "d_k colunas: `W_o[:, h * d_k : (h + 1) * d_k]`.",
                MIX,
            ),
            Mistake(
                "block-not-transposed",
                _blocks(lambda W, h, H: _columns(W, h, H).T),
                "Falta transpor: `nn.Linear` faz `x @ W.T`. E confira se o bloco tem "
                "só as d_k colunas da cabeça.",
                MIX,
            ),
            Mistake(
                "reshaped",
                _reshaped,
                "O `reshape` de W_o para (H, d_k, d_out) tem a forma certa e o "
                "conteúdo errado: ele só corta a fila, não move eixos. Transponha "
                "antes: `W_o.T`.",
                BREAK,
                _sum_over_heads,
            ),
            Mistake(
                "reshaped-rows",
                _reshaped_rows,
                "O `reshape` de W_o para (H, d_out, d_k) corta a fila pelas linhas, e "
                "o que se reparte são as colunas. Use `W_o[:, ...]`, ou reparta o "
                "último eixo, em (d_out, H, d_k).",
                BREAK,
                _sum_over_heads,
            ),
            Mistake(
                "concatenated-tokens",
                _blocks(_columns, lambda parts: torch.cat(parts, dim=1)),
                "As parcelas estão certas, mas o `cat` com `dim=1` as emendou como se "
                "fossem mais tokens. Quem cria o eixo das cabeças é o `stack`.",
                SHAPES,
            ),
            Mistake(
                "concatenated-width",
                _blocks(_columns, lambda parts: torch.cat(parts, dim=-1)),
                "As parcelas estão certas, mas o `cat` as pôs lado a lado na largura. "
                "Depois de W_o elas se somam: dê a elas um eixo, com `stack`.",
                MIX,
            ),
            Mistake(
                "alternate-columns",
                _blocks(lambda W, h, H: W[:, h::H]),
                "Você pegou colunas salteadas de W_o (h, h+H, h+2H…). As cabeças ficam "
                "lado a lado, em blocos seguidos de d_k colunas.",
                MIX,
                _sum_over_heads,
            ),
            Mistake(
                "averaged",
                lambda heads, W: head_contributions(heads, W) / heads.shape[1],
                "Você dividiu pelo número de cabeças, como numa média. Na atenção "
                "multi-cabeça, as parcelas se somam.",
                MIX,
                _sum_over_heads,
            ),
            Mistake(
                "total-shared",
                lambda heads, W: (
                    (_total(heads, W) / heads.shape[1])
                    .unsqueeze(1)
                    .expand(-1, heads.shape[1], -1, -1)
                ),
                "Você repartiu o total em partes iguais. Somadas dão certo, mas cada "
                "cabeça tem a sua parcela: os d_k números dela vezes as colunas dela.",
                MIX,
            ),
            Mistake(
                "reversed",
                _blocks(lambda W, h, H: W.chunk(H, dim=1)[H - 1 - h]),
                "As cabeças receberam os blocos de W_o na ordem inversa.",
                MIX,
                _sum_over_heads,
            ),
            Mistake(
                "heads-after-tokens",
                lambda heads, W: head_contributions(heads, W).transpose(1, 2),
                "Os números estão certos, mas a ordem dos eixos não: o das cabeças vem "
                "antes do dos tokens, (B, H, T, d_out).",
                SHAPES,
            ),
            Mistake(
                "heads-first",
                lambda heads, W: head_contributions(heads, W).transpose(0, 1),
                "Os números estão certos, mas o eixo das cabeças ficou na frente do "
                "batch. A forma pedida é (B, H, T, d_out): `dim=1` no `stack`.",
                SHAPES,
            ),
            Mistake(
                "not-projected",
                lambda heads, W: heads,
                "Essas são as cabeças antes de W_o. Falta multiplicar cada uma pelo "
                "seu bloco de colunas.",
                MIX,
            ),
        ],
    ),
]
