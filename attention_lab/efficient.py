"""A mesma atenção, com outros custos: a do PyTorch e uma em blocos.

As duas cabem no lugar de ``attention`` (``attend=`` nas camadas) e dão os mesmos
números. Nenhuma guarda a tabela T_q × T_k dos pesos, e por isso nenhuma a devolve.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from attention_lab.attention import causal_mask
from attention_lab.checks import check_attention


def sdpa_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    dropout: nn.Dropout | None = None,
) -> tuple[Tensor, None]:
    """A atenção do PyTorch, ``scaled_dot_product_attention``, na tomada do curso.

    q: (..., T_q, d_k)
    k: (..., T_k, d_k)
    v: (..., T_k, d_v)
    mask: bool, cabe em (..., T_q, T_k); True = pode olhar
    causal: aplica também a máscara causal, alinhada à última chave; sem mask, e com
        T_q = T_k ou T_q = 1, ela não é construída
    scale: fator dos escores; None quer dizer 1/√d_k
    dropout: um ``nn.Dropout``; em ``eval()`` não faz nada, como em ``attention``
    Devolve: output (..., T_q, d_v) e None no lugar de weights. Linha sem chave
        visível dá 0.
    Erro: os de ``attention``; TypeError se dropout não é um ``nn.Dropout``;
        ValueError se causal e T_k < T_q.
    Fonte: documentação de torch.nn.functional.scaled_dot_product_attention.

    >>> q, k, v = torch.zeros(1, 2), torch.zeros(3, 2), torch.eye(3)
    >>> sdpa_attention(q, k, v)
    (tensor([[0.3333, 0.3333, 0.3333]]), None)
    """
    check_attention(q, k, v, mask)
    T_q, T_k = q.shape[-2], k.shape[-2]
    check_causal(causal, T_q, T_k)
    p = check_dropout(dropout)
    causal = causal and T_q > 1  # uma consulta só, a última, vê tudo
    square = causal and mask is None and T_q == T_k  # o is_causal da SDPA é só este
    past = causal_mask(T_q, T_k, q.device) if causal and not square else None
    empty = None
    if mask is None:
        mask = past
    else:
        mask = mask if past is None else mask & past
        empty = ~mask.any(-1, keepdim=True)  # a estas linhas, nem toda GPU dá 0
        mask = (mask | empty).expand(*mask.shape[:-2], T_q, T_k)
    lead = q.shape[:-2]
    same = len(lead) == 2 and lead == k.shape[:-2] == v.shape[:-2]
    if not same:  # a versão fundida só atende com 4 eixos, iguais nos três
        lead = torch.broadcast_shapes(lead, k.shape[:-2], v.shape[:-2])
        axes = (1,) * (2 - len(lead)) + lead
        q, k, v = (t.expand(*axes, *t.shape[-2:]) for t in (q, k, v))
    output = F.scaled_dot_product_attention(
        q, k, v, mask, dropout_p=p, is_causal=square, scale=scale
    )
    if empty is not None:
        output = output.masked_fill(empty, 0.0)
    return output if same else output.view(*lead, *output.shape[-2:]), None


def tiled_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    dropout: nn.Dropout | None = None,
    block_size: int = 256,
) -> tuple[Tensor, None]:
    """Atenção em blocos: exata, com memória que cresce com T, e não com T².

    Cada bloco de consultas percorre as chaves em blocos, com a softmax em curso
    (*online softmax*): guarda o maior escore visto, a soma das exponenciais e a soma
    ponderada dos valores, e corrige as duas somas quando surge um escore maior.

    q: (..., T_q, d_k)
    k: (..., T_k, d_k)
    v: (..., T_k, d_v)
    mask: bool, cabe em (..., T_q, T_k); True = pode olhar
    causal: aplica também a máscara causal, alinhada à última chave, sem a construir;
        os blocos inteiros no futuro nem são calculados
    scale: fator dos escores; None quer dizer 1/√d_k
    dropout: só para caber na tomada: em ``eval()`` não faz nada, e no treinamento há
        erro, porque os pesos não existem todos ao mesmo tempo
    block_size: consultas por bloco; as chaves vão em blocos quatro vezes maiores
    Devolve: output (..., T_q, d_v) e None no lugar de weights. Linha sem chave
        visível dá 0. float16 e bfloat16 são somados em float32. Na volta do
        gradiente, cada bloco é refeito em vez de guardado.
    Erro: os de ``attention``; ValueError se block_size < 1, se causal e T_k < T_q ou
        se há dropout no treinamento.
    Fonte: Milakov e Gimelshein, 2018 (arXiv 1805.02867); Dao et al., 2022 (arXiv
        2205.14135).

    >>> q, k, v = torch.zeros(1, 2), torch.zeros(3, 2), torch.eye(3)
    >>> tiled_attention(q, k, v, block_size=2)
    (tensor([[0.3333, 0.3333, 0.3333]]), None)
    """
    check_attention(q, k, v, mask)
    T_q, T_k = q.shape[-2], k.shape[-2]
    check_causal(causal, T_q, T_k)
    check_block_size(block_size)
    check_no_dropout(dropout)
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    if mask is not None:
        mask = mask.expand(*mask.shape[:-2], T_q, T_k)
    needs_grad = torch.is_grad_enabled() and any(t.requires_grad for t in (q, k, v))
    lead = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    output = q.new_empty(*lead, T_q, v.shape[-1])
    for start in range(0, T_q, block_size):
        stop = min(start + block_size, T_q)
        last = T_k - T_q + stop if causal else T_k  # depois daqui, só futuro
        rows = None if mask is None else mask[..., start:stop, :last]
        inputs = (q[..., start:stop, :], k[..., :last, :], v[..., :last, :], rows)
        first = T_k - T_q + start if causal else None
        inputs += (first, factor, 4 * block_size)
        with torch.autocast(q.device.type, enabled=False):  # as somas são em float32
            if needs_grad:  # refaz o bloco na volta: a memória continua a crescer com T
                block = checkpoint(query_block, *inputs, use_reentrant=False)
            else:
                block = query_block(*inputs)
        output[..., start:stop, :] = block
    return output, None


# A camada manda a estas causal=True, e não a máscara causal pronta (T_q × T_k).
sdpa_attention.takes_causal = tiled_attention.takes_causal = True


def query_block(q, k, v, mask, first: int | None, factor: float, size: int) -> Tensor:
    """Um bloco de consultas contra todas as suas chaves, com a softmax em curso.

    first: a posição, entre as chaves, da primeira consulta (None se não é causal)
    Devolve: (..., T_bloco, d_v)
    """
    dtype, wide = q.dtype, torch.promote_types(q.dtype, torch.float32)
    q = q.to(wide) * factor
    peak = total = output = 0.0
    for start in range(0, k.shape[-2], size):
        keys = k[..., start : start + size, :].to(wide)
        values = v[..., start : start + size, :].to(wide)
        scores = q @ keys.transpose(-2, -1)  # (..., T_bloco, size)
        if mask is not None:
            scores.masked_fill_(~mask[..., start : start + size], -torch.inf)
        if first is not None and start + keys.shape[-2] > first + 1:  # toca no futuro
            near = max(first + 1 - start, 0)  # antes desta coluna, só passado
            rows = torch.arange(first, first + q.shape[-2], device=q.device)
            columns = torch.arange(start, start + keys.shape[-2], device=q.device)
            future = columns[near:] > rows[:, None]
            scores[..., near:].masked_fill_(future, -torch.inf)
        highest = scores.detach().amax(-1, keepdim=True)
        highest = highest.clamp_min(torch.finfo(wide).min)  # linha vazia: sem ∞ − ∞
        new_peak = highest if start == 0 else torch.maximum(peak, highest)
        exps = scores.sub_(new_peak).exp_()
        if start == 0:
            total, output = exps.sum(-1, keepdim=True), exps @ values
        else:
            shrink = (peak - new_peak).exp()  # corrige as somas para o novo máximo
            total = total * shrink + exps.sum(-1, keepdim=True)
            output = output * shrink + exps @ values
        peak = new_peak
    return (output / torch.where(total > 0, total, 1.0)).to(dtype)


def check_dropout(dropout) -> float:
    """A probabilidade de dropout que vale agora: 0 em ``eval()``."""
    if dropout is None:
        return 0.0
    if not isinstance(dropout, nn.Dropout):
        veio = type(dropout).__name__
        raise TypeError(f"dropout deve ser um nn.Dropout, mas veio {veio}.")
    return dropout.p if dropout.training else 0.0


def check_no_dropout(dropout) -> None:
    if p := check_dropout(dropout):
        raise ValueError(
            f"tiled_attention não faz dropout nos pesos, e veio p={p} no treinamento: "
            "use attention ou sdpa_attention, ou dropout=0."
        )


def check_causal(causal: bool, T_q: int, T_k: int) -> None:
    if causal and T_k < T_q:
        raise ValueError(
            f"com causal=True, T_k deve ser ao menos T_q={T_q}, mas veio {T_k}."
        )


def check_block_size(block_size: int) -> None:
    if not isinstance(block_size, int) or block_size < 1:
        raise ValueError(f"block_size deve ser um inteiro ≥ 1, mas veio {block_size}.")
