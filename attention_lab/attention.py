"""A escada da atenção: do laço ao produto de matrizes, na ordem do capítulo.

Cada degrau é uma função pura: entram tensores, sai o par ``(output, weights)``.
Nomes dos eixos: B (batch), H (cabeças), T_q (consultas), T_k (chaves), d_k e d_v
(dimensões). As máscaras são booleanas e True quer dizer "pode olhar", como na
``scaled_dot_product_attention`` do PyTorch.
"""

import math

import torch
from torch import Tensor

from attention_lab.checks import (
    check_attention,
    check_batch_axes,
    check_function,
    check_same_width,
    check_tensors,
)


def dot_scores(q: Tensor, k: Tensor) -> Tensor:
    """Compara cada consulta com cada chave pelo produto escalar.

    q: (..., T_q, d_k)
    k: (..., T_k, d_k)
    Devolve: (..., T_q, T_k); a linha i tem os escores da consulta i.
    Erro: TypeError ou ValueError se q e k não combinam (tipo, d_k, dispositivo).
    Fonte: Luong et al., 2015 (arXiv 1508.04025), o escore "dot".

    >>> q = torch.tensor([[1.0, 2.0]])
    >>> dot_scores(q, torch.tensor([[3.0, 0.0], [1.0, 1.0]]))
    tensor([[3., 3.]])
    """
    check_tensors(q=q, k=k)
    check_same_width(q, k)
    check_batch_axes(q=q, k=k)
    return q @ k.transpose(-2, -1)  # (..., T_q, T_k)


def softmax(scores: Tensor) -> Tensor:
    """Transforma cada linha de escores em pesos positivos que somam 1.

    scores: (..., T_q, T_k)
    Devolve: (..., T_q, T_k); cada linha soma 1. Subtrair o máximo da linha não
        muda o resultado e impede que a exponencial estoure.
    Erro: TypeError se scores não é um tensor de números reais.
    Fonte: Vaswani et al., 2017 (arXiv 1706.03762), seção 3.2.1.

    >>> softmax(torch.tensor([[0.0, 0.0, 1000.0]]))
    tensor([[0., 0., 1.]])
    """
    check_tensors(1, scores=scores)
    peak = scores.amax(dim=-1, keepdim=True)  # (..., T_q, 1)
    exps = (scores - peak).exp()
    return exps / exps.sum(dim=-1, keepdim=True)


def self_attention(x: Tensor) -> tuple[Tensor, Tensor]:
    """Autoatenção sem parâmetros: cada token mistura todos, pelo produto escalar.

    x: (..., T, d), um vetor por token
    Devolve: output (..., T, d), os vetores de contexto, e weights (..., T, T);
        cada linha de weights soma 1. Não há divisão por √d_k: é o degrau básico.
    Erro: TypeError ou ValueError se x não é um tensor real com 2 eixos ou mais.
    Fonte: Raschka, Build a Large Language Model (From Scratch), seção 3.3.

    >>> output, weights = self_attention(torch.eye(2))
    >>> weights.sum(-1)
    tensor([1., 1.])
    """
    check_tensors(x=x)
    scores = dot_scores(x, x)  # (..., T, T)
    weights = softmax(scores)
    return weights @ x, weights  # (..., T, d)


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float | None = None,
    dropout=None,
) -> tuple[Tensor, Tensor]:
    """Atenção por produto escalar escalonado: compara, normaliza e mistura.

    q: (..., T_q, d_k)
    k: (..., T_k, d_k)
    v: (..., T_k, d_v)
    mask: bool, cabe em (..., T_q, T_k); True = pode olhar
    scale: fator dos escores; None quer dizer 1/√d_k
    dropout: função aplicada aos pesos (por exemplo, um ``nn.Dropout``)
    Devolve: output (..., T_q, d_v) e weights (..., T_q, T_k). Cada linha de
        weights soma 1 (antes do dropout); a linha que não pode olhar para chave
        nenhuma vale 0, e a saída dela também.
    Erro: TypeError (tipo, dtype) ou ValueError (forma, dispositivo), com os números.
    Fonte: Vaswani et al., 2017 (arXiv 1706.03762), equação 1.

    >>> q, k, v = torch.zeros(1, 2), torch.zeros(3, 2), torch.eye(3)
    >>> attention(q, k, v)[0]
    tensor([[0.3333, 0.3333, 0.3333]])
    """
    check_attention(q, k, v, mask)
    check_function(dropout=dropout)
    d_k = q.shape[-1]
    q = q / math.sqrt(d_k) if scale is None else q * scale  # T_q × d_k contas: menos
    scores = dot_scores(q, k)  # (..., T_q, T_k)
    if mask is not None:
        sees = mask.any(-1, keepdim=True)  # quem não vê nada daria 0/0, e terá 0
        hidden = sees & ~mask  # fora do autograd: com peso 0, o gradiente já é 0
        scores.detach().masked_fill_(hidden, -torch.inf)
    weights = torch.softmax(scores, dim=-1)
    if mask is not None and not sees.all():
        weights = weights.masked_fill(~sees, 0.0)  # como na SDPA
    if dropout is not None:
        weights = dropout(weights)
    return weights @ v, weights  # (..., T_q, d_v)


def attention_loop(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """A mesma atenção, um par (consulta, chave) de cada vez: lenta e fácil de ler.

    q: (..., T_q, d_k)
    k: (..., T_k, d_k)
    v: (..., T_k, d_v)
    mask: bool, cabe em (..., T_q, T_k); True = pode olhar
    scale: fator dos escores; None quer dizer 1/√d_k
    Devolve: output (..., T_q, d_v) e weights (..., T_q, T_k), como ``attention``.
    Erro: os mesmos de ``attention``.
    Fonte: Raschka, Build a Large Language Model (From Scratch), seção 3.3.

    >>> x = torch.eye(3)
    >>> torch.allclose(attention_loop(x, x, x)[1], attention(x, x, x)[1])
    True
    """
    check_attention(q, k, v, mask)
    T_q, T_k, d_k = q.shape[-2], k.shape[-2], q.shape[-1]
    factor = 1 / math.sqrt(d_k) if scale is None else scale
    if mask is None:
        mask = torch.ones(T_q, T_k, dtype=torch.bool, device=q.device)
    visible = mask.expand(*mask.shape[:-2], T_q, T_k)
    outputs, rows = [], []
    for i in range(T_q):
        scores = []
        for j in range(T_k):
            score = (q[..., i, :] * k[..., j, :]).sum(-1) * factor  # (...)
            scores.append(torch.where(visible[..., i, j], score, -torch.inf))
        peak = torch.stack(scores).amax(0)
        exps = [(score - peak).exp() for score in scores]
        total = sum(exps)
        row, output = [], 0
        for j in range(T_k):
            weight = torch.where(visible[..., i, j], exps[j] / total, 0.0)
            output = output + weight.unsqueeze(-1) * v[..., j, :]  # (..., d_v)
            row.append(weight)
        rows.append(torch.stack(row, dim=-1))  # (..., T_k)
        outputs.append(output)
    return torch.stack(outputs, dim=-2), torch.stack(rows, dim=-2)


def causal_mask(T_q: int, T_k: int | None = None, device=None) -> Tensor:
    """Máscara causal: cada consulta olha para si e para o passado.

    T_q, T_k: números de consultas e de chaves; T_k = T_q se omitido
    Devolve: bool (T_q, T_k), True = pode olhar. Alinhada à última chave: com
        cache KV, uma consulta só (T_q = 1) vê todas as chaves.
    Erro: ValueError se T_q < 1 ou T_k < T_q.
    Fonte: Vaswani et al., 2017 (arXiv 1706.03762), seção 3.2.3.

    >>> causal_mask(2, 3).int()
    tensor([[1, 1, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    T_k = T_q if T_k is None else T_k
    if not 1 <= T_q <= T_k:
        raise ValueError(f"T_q deve ir de 1 a T_k={T_k}, mas veio T_q={T_q}.")
    return torch.ones(T_q, T_k, dtype=torch.bool, device=device).tril(T_k - T_q)


def padding_mask(lengths, T: int) -> Tensor:
    """Máscara de padding: as chaves que são tokens de verdade em cada frase.

    lengths: (B,), quantos tokens de verdade tem cada frase (lista ou tensor)
    T: comprimento do batch, com o padding
    Devolve: bool (B, 1, 1, T), True = token de verdade; combina com a causal por &.
    Erro: TypeError se lengths não é de inteiros; ValueError fora de 0..T.

    >>> padding_mask([1, 3], T=3)[:, 0, 0].int()
    tensor([[1, 0, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    lengths = torch.as_tensor(lengths)
    if lengths.dtype.is_floating_point or lengths.dtype == torch.bool:
        raise TypeError(f"lengths deve ter inteiros, mas veio {lengths.dtype}.")
    if lengths.dim() != 1:
        raise ValueError(
            f"lengths deve ter a forma (B,), mas veio {tuple(lengths.shape)}."
        )
    if lengths.numel() and (int(lengths.min()) < 0 or int(lengths.max()) > T):
        raise ValueError(
            f"lengths deve ir de 0 a T={T}, mas veio {lengths.min()}..{lengths.max()}."
        )
    positions = torch.arange(T, device=lengths.device)
    return (positions < lengths[:, None])[:, None, None, :]  # (B, 1, 1, T)


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """Reparte a largura entre as cabeças, sem tirar nenhum token do lugar.

    x: (..., T, d_model)
    Devolve: (..., H, T, d_k), com H = n_heads e d_k = d_model / n_heads.
    Erro: ValueError se n_heads não divide d_model.
    Fonte: Vaswani et al., 2017 (arXiv 1706.03762), seção 3.2.2.

    >>> split_heads(torch.zeros(2, 5, 6), n_heads=3).shape
    torch.Size([2, 3, 5, 2])
    """
    check_tensors(x=x)
    d_model = x.shape[-1]
    if n_heads < 1 or d_model % n_heads:
        raise ValueError(f"n_heads={n_heads} não divide d_model={d_model}.")
    x = x.unflatten(-1, (n_heads, d_model // n_heads))  # (..., T, H, d_k)
    return x.transpose(-3, -2)  # (..., H, T, d_k)


def merge_heads(x: Tensor) -> Tensor:
    """Desfaz ``split_heads``: põe as cabeças lado a lado em cada token.

    x: (..., H, T, d_k)
    Devolve: (..., T, H·d_k).
    Erro: ValueError se x tem menos de 3 eixos.
    Fonte: Vaswani et al., 2017 (arXiv 1706.03762), seção 3.2.2 ("Concat").

    >>> x = torch.randn(2, 5, 6)
    >>> torch.equal(merge_heads(split_heads(x, 3)), x)
    True
    """
    check_tensors(3, x=x)
    return x.transpose(-3, -2).flatten(-2)  # (..., T, H·d_k)
