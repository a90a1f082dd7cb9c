"""As camadas: a atenção da escada com parâmetros treináveis, até o GPT.

Na ordem do capítulo: uma cabeça, várias cabeças, o bloco e o modelo. Em todas,
``attend`` é uma peça que se troca: qualquer função que recebe ``(q, k, v, mask)`` e
devolve ``(output, weights)``. Se há dropout, ela recebe também ``dropout=``. Se tem o
atributo ``takes_causal = True``, a camada multi-cabeça lhe manda ``causal=True`` em vez
da máscara causal pronta, que é uma tabela T × T.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attention_lab.attention import (
    attention,
    causal_mask,
    merge_heads,
    softmax,
    split_heads,
)
from attention_lab.checks import check_tensors


class SelfAttention(nn.Module):
    """Uma cabeça de autoatenção, com as projeções Q, K e V treináveis.

    x: (..., T, d_model), um vetor por token
    mask: bool, cabe em (..., T, T); True = pode olhar; junta-se à causal por &
    d_k, d_v: larguras de consultas e chaves, e de valores; sem elas, d_k = d_model
        e d_v = d_k
    Devolve: output (..., T, d_v) e weights (..., T, T), como ``attend`` os calcula.
    Erro: TypeError ou ValueError se x ou mask não combinam com a camada.
    Fonte: Raschka, Build a Large Language Model (From Scratch), seção 3.4.

    >>> _ = torch.manual_seed(0)
    >>> output, weights = SelfAttention(d_model=6, d_k=4, d_v=3)(torch.randn(2, 5, 6))
    >>> output.shape, weights.shape
    (torch.Size([2, 5, 3]), torch.Size([2, 5, 5]))
    """

    def __init__(
        self,
        d_model: int,
        d_k: int | None = None,
        d_v: int | None = None,
        *,
        causal: bool = False,
        dropout: float = 0.0,
        bias: bool = False,
        attend=attention,
    ):
        super().__init__()
        d_k = d_model if d_k is None else d_k
        d_v = d_k if d_v is None else d_v
        check_sizes(d_model=d_model, d_k=d_k, d_v=d_v)
        self.W_q = nn.Linear(d_model, d_k, bias=bias)
        self.W_k = nn.Linear(d_model, d_k, bias=bias)
        self.W_v = nn.Linear(d_model, d_v, bias=bias)
        self.dropout = nn.Dropout(dropout)
        self.causal, self.attend = causal, attend

    def forward(
        self, x: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        check_input(x, self.W_q, mask)
        q, k, v = self.W_q(x), self.W_k(x), self.W_v(x)  # (..., T, d_k), d_v em v
        if self.causal:
            causal = causal_mask(x.shape[-2], device=x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        extra = {"dropout": self.dropout} if self.dropout.p else {}
        return self.attend(q, k, v, mask, **extra)


class MultiHeadWrapper(nn.Module):
    """Várias cabeças, uma depois da outra: concatena as saídas e mistura com W_o.

    x: (..., T, d_model)
    mask: bool, cabe em (..., T, T), sem o eixo das cabeças: de ``padding_mask``,
        use ``padding_mask(...)[:, 0]``
    Devolve: output (..., T, d_model) e weights (..., H, T, T).
    Erro: ValueError se n_heads não divide d_model.
    Fonte: Raschka, Build a Large Language Model (From Scratch), seção 3.6.1.

    >>> _ = torch.manual_seed(0)
    >>> output, weights = MultiHeadWrapper(d_model=6, n_heads=3)(torch.randn(2, 5, 6))
    >>> output.shape, weights.shape
    (torch.Size([2, 5, 6]), torch.Size([2, 3, 5, 5]))
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        causal: bool = True,
        dropout: float = 0.0,
        bias: bool = False,
    ):
        super().__init__()
        check_heads(d_model, n_heads)
        options = {"causal": causal, "dropout": dropout, "bias": bias}
        self.heads = nn.ModuleList(
            SelfAttention(d_model, d_model // n_heads, **options)
            for _ in range(n_heads)
        )
        self.W_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        pairs = [head(x, mask) for head in self.heads]
        outputs, weights = zip(*pairs, strict=True)
        output = self.W_o(torch.cat(outputs, dim=-1))  # (..., T, d_model)
        return output, torch.stack(weights, dim=-3)  # (..., H, T, T)


class KVCache:
    """As chaves e os valores já calculados de uma camada, para não os refazer.

    k, v: (..., T_new, d_k), as chaves e os valores dos tokens novos
    Devolve (``append``): as chaves e os valores do passado e os novos,
        (..., length, d_k).
    length: quantos tokens estão guardados

    >>> cache = KVCache()
    >>> _ = cache.append(torch.zeros(1, 5, 4), torch.zeros(1, 5, 4))
    >>> k, v = cache.append(torch.ones(1, 2, 4), torch.ones(1, 2, 4))
    >>> k.shape, cache.length
    (torch.Size([1, 7, 4]), 7)
    """

    def __init__(self):
        self.k = self.v = None
        self.length = 0

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.length:
            k = torch.cat([self.k, k], dim=-2)  # (..., length, d_k)
            v = torch.cat([self.v, v], dim=-2)
        self.k, self.v, self.length = k, v, k.shape[-2]
        return k, v


class MultiHeadAttention(nn.Module):
    """Atenção multi-cabeça: todas as cabeças de uma vez, num eixo a mais.

    x: (..., T, d_model)
    mask: bool, cabe em (..., H, T, T_k); True = pode olhar; junta-se à causal por &
    cache: None ou um ``KVCache``; com ele, x são só os tokens novos, e T_k conta
        também os guardados
    attend: função (q, k, v, mask) -> (output, weights); o que mais ela recebe está no
        começo deste módulo
    Devolve: output (..., T, d_model) e weights (..., H, T, T_k), ou None no lugar
        de weights se ``attend`` não os calcula.
    Erro: TypeError ou ValueError se x ou mask não combinam com a camada;
        ValueError se n_heads não divide d_model.
    Fonte: Vaswani et al., 2017 (arXiv 1706.03762), seção 3.2.2.

    >>> _ = torch.manual_seed(0)
    >>> output, weights = MultiHeadAttention(d_model=6, n_heads=3)(torch.randn(2, 5, 6))
    >>> output.shape, weights.shape
    (torch.Size([2, 5, 6]), torch.Size([2, 3, 5, 5]))
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        causal: bool = True,
        dropout: float = 0.0,
        bias: bool = False,
        attend=attention,
    ):
        super().__init__()
        check_heads(d_model, n_heads)
        self.W_q = nn.Linear(d_model, d_model, bias=bias)
        self.W_k = nn.Linear(d_model, d_model, bias=bias)
        self.W_v = nn.Linear(d_model, d_model, bias=bias)
        self.W_o = nn.Linear(d_model, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)
        self.n_heads, self.causal, self.attend = n_heads, causal, attend

    def forward(
        self, x: Tensor, mask: Tensor | None = None, cache: KVCache | None = None
    ) -> tuple[Tensor, Tensor | None]:
        check_input(x, self.W_q, mask, past=0 if cache is None else cache.length)
        check_head_axis(x, mask, self.n_heads)
        check_mask_batch(x, mask, self.n_heads)
        q = split_heads(self.W_q(x), self.n_heads)  # (..., H, T, d_k)
        k = split_heads(self.W_k(x), self.n_heads)
        v = split_heads(self.W_v(x), self.n_heads)
        if cache is not None:
            k, v = cache.append(k, v)  # (..., H, T_k, d_k), com o passado
        extra = {"dropout": self.dropout} if self.dropout.p else {}
        if self.causal and getattr(self.attend, "takes_causal", False):
            extra["causal"] = True  # esta faz ela mesma a máscara causal
        elif self.causal:
            past = causal_mask(q.shape[-2], k.shape[-2], x.device)  # (T, T_k)
            mask = past if mask is None else mask & past
        output, weights = self.attend(q, k, v, mask, **extra)  # (..., H, T, d_k)
        return self.W_o(merge_heads(output)), weights  # (..., T, d_model)


class TransformerBlock(nn.Module):
    """Um bloco: atenção e MLP, cada um somado ao fluxo residual (pre-LN).

    x: (..., T, d_model)
    mask, cache: como em ``MultiHeadAttention``
    Devolve: x (..., T, d_model), o fluxo residual depois do bloco, e os weights da
        atenção (..., H, T, T_k), ou None.
    Erro: os mesmos de ``MultiHeadAttention``.
    Fonte: Xiong et al., 2020 (arXiv 2002.04745), "Pre-LN"; GELU: Hendrycks e
        Gimpel, 2016 (arXiv 1606.08415), na aproximação por tanh, como no GPT-2.

    >>> _ = torch.manual_seed(0)
    >>> x, weights = TransformerBlock(d_model=6, n_heads=3)(torch.randn(2, 5, 6))
    >>> x.shape, weights.shape
    (torch.Size([2, 5, 6]), torch.Size([2, 3, 5, 5]))
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        causal: bool = True,
        dropout: float = 0.0,
        bias: bool = True,
        attend=attention,
    ):
        super().__init__()
        options = {"causal": causal, "dropout": dropout, "bias": bias}
        self.norm_1 = nn.LayerNorm(d_model, bias=bias)
        self.attention = MultiHeadAttention(d_model, n_heads, attend=attend, **options)
        self.norm_2 = nn.LayerNorm(d_model, bias=bias)
        self.mlp = nn.Sequential(
            nn.Linear(d_model, 4 * d_model, bias=bias),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * d_model, d_model, bias=bias),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, cache: KVCache | None = None
    ) -> tuple[Tensor, Tensor | None]:
        output, weights = self.attention(self.norm_1(x), mask, cache)
        x = x + self.dropout(output)  # (..., T, d_model)
        x = x + self.dropout(self.mlp(self.norm_2(x)))
        return x, weights


@dataclass
class GPTConfig:
    """Os tamanhos de um ``GPT``, e a função ``attend`` que ele usa.

    Erro: ValueError se algum tamanho é menor que 1.

    >>> GPTConfig(vocab_size=40, context_length=24, d_model=8, n_heads=2, n_layers=2)
    ... # doctest: +ELLIPSIS
    GPTConfig(vocab_size=40, context_length=24, d_model=8, n_heads=2, n_layers=2, ...
    """

    vocab_size: int
    context_length: int
    d_model: int
    n_heads: int
    n_layers: int
    dropout: float = 0.0
    bias: bool = True
    attend: object = attention

    def __post_init__(self):
        check_sizes(
            vocab_size=self.vocab_size,
            context_length=self.context_length,
            n_layers=self.n_layers,
        )
        check_heads(self.d_model, self.n_heads)


class GPT(nn.Module):
    """Um GPT-2 de qualquer tamanho: embeddings, blocos e a previsão do próximo token.

    ids: int64 (B, T), os tokens
    targets: int64 (B, T), o token que vem depois de cada um; -100 não conta
    cache: None ou ``new_cache()``; com ele, ids são só os tokens novos
    Devolve: logits (B, T, vocab_size), em que a posição t prevê o token t+1, e a
        perda: entropia cruzada média, em nats por token (None sem targets).
    Erro: TypeError se ids não é int64; ValueError, com os números, se algum id está
        fora do vocabulário, se a frase passa de context_length, se o cache é de outro
        modelo ou de outras frases, ou se ids, targets e modelo não estão no mesmo
        dispositivo. Depois de um erro, o cache fica como estava.
    Fonte: Radford et al., 2019, o GPT-2; embeddings amarrados: Press e Wolf, 2016
        (arXiv 1608.05859).

    >>> _ = torch.manual_seed(0)
    >>> model = GPT(GPTConfig(40, context_length=24, d_model=8, n_heads=2, n_layers=1))
    >>> logits, loss = model(torch.tensor([[3, 1, 2]]))
    >>> logits.shape, loss
    (torch.Size([1, 3, 40]), None)
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = nn.Embedding(config.context_length, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        options = {n: getattr(config, n) for n in ("dropout", "bias", "attend")}
        self.blocks = nn.ModuleList(
            TransformerBlock(config.d_model, config.n_heads, **options)
            for _ in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(config.d_model, bias=config.bias)
        init_gpt2(self)

    def forward(
        self,
        ids: Tensor,
        targets: Tensor | None = None,
        cache: list[KVCache] | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        check_cache(cache, ids, self)
        past = 0 if cache is None else cache[0].length
        check_ids(ids, past, self)
        if targets is not None:
            check_targets(targets, ids, self.config.vocab_size)
        saved = [(layer.k, layer.v, layer.length) for layer in cache or ()]
        positions = torch.arange(past, past + ids.shape[1], device=ids.device)
        x = self.dropout(self.tokens(ids) + self.positions(positions))
        try:
            for i, block in enumerate(self.blocks):
                x, _ = block(x, cache=None if cache is None else cache[i])
        except BaseException:  # uma parada no meio não deixa o cache pela metade
            for layer, state in zip(cache or (), saved, strict=True):
                layer.k, layer.v, layer.length = state
            raise
        logits = self.norm(x) @ self.tokens.weight.T  # (B, T, vocab_size)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def new_cache(self) -> list[KVCache]:
        """Um cache KV vazio: um ``KVCache`` por camada."""
        return [KVCache() for _ in self.blocks]

    @torch.no_grad()
    def generate(
        self,
        ids: Tensor,
        n: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
        use_cache: bool = True,
    ) -> Tensor:
        """Continua cada frase com n tokens, sorteados um a um.

        ids: int64 (B, T), o começo
        temperature: divide os logits; menor que 1 concentra, maior que 1 espalha
        top_k: sorteia só entre os k mais prováveis; top_k=1 é a escolha gulosa (num
            empate, um deles, sempre o mesmo)
        generator: o sorteio de onde vêm os números (None: o global)
        use_cache: reaproveita chaves e valores; dá os mesmos tokens, em menos tempo
        Devolve: int64 (B, T + n), o começo e a continuação. Não muda o modo do
            modelo: se há dropout, chame ``eval()`` antes.
        Erro: ValueError se T + n passa de context_length, ou se temperature, top_k
            ou n não servem.

        >>> _ = torch.manual_seed(0)
        >>> model = GPT(GPTConfig(40, 24, d_model=8, n_heads=2, n_layers=1))
        >>> model.generate(torch.tensor([[3, 1, 2]]), n=4).shape
        torch.Size([1, 7])
        """
        check_ids(ids, 0, self)
        check_generation(ids, n, temperature, top_k, self.config)
        ids, cache = ids.clone(), self.new_cache() if use_cache else None
        for _ in range(n):
            fresh = ids[:, cache[0].length :] if use_cache else ids
            logits, _ = self(fresh, cache=cache)
            logits = logits[:, -1]  # (B, vocab_size)
            wide = torch.promote_types(logits.dtype, torch.float32)
            logits = (logits - logits.amax(-1, keepdim=True)).to(wide) / temperature
            if top_k is not None:
                best = logits.topk(top_k)  # (B, top_k) cada; num empate, só k
                nothing = torch.full_like(logits, -torch.inf)
                logits = nothing.scatter(-1, best.indices, best.values)
            chosen = torch.multinomial(softmax(logits), 1, generator=generator)
            ids = torch.cat([ids, chosen], dim=1)  # (B, T + 1)
        return ids

    @torch.no_grad()
    def attention_weights(self, ids: Tensor) -> Tensor:
        """Os pesos de atenção de todas as camadas, espiados durante ``forward``.

        ids: int64 (B, T)
        Devolve: (L, B, H, T, T), com L = n_layers; cada linha soma 1. Não muda o
            modo do modelo: se há dropout, chame ``eval()`` antes.
        Erro: ValueError se ``attend`` não calcula os pesos (devolve None).
        """
        seen = []
        hooks = [
            block.register_forward_hook(lambda _m, _args, out: seen.append(out[1]))
            for block in self.blocks
        ]
        try:
            self(ids)
        finally:
            for hook in hooks:
                hook.remove()
        check_weights(seen)
        return torch.stack(seen)  # (L, B, H, T, T)


def init_gpt2(model: GPT) -> None:
    """Sorteia os parâmetros como no GPT-2.

    Tudo com desvio 0,02, vieses em 0; as duas projeções de cada bloco que escrevem
    no fluxo residual, com 0,02/√(2·n_layers), para a soma não crescer com as camadas.
    Fonte: Radford et al., 2019, o GPT-2.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    for block in model.blocks:
        for writer in (block.attention.W_o, block.mlp[-1]):
            std = 0.02 / math.sqrt(2 * len(model.blocks))
            nn.init.normal_(writer.weight, std=std)


class Zero(nn.Module):
    """A peça que falta: devolve zeros, que somados ao fluxo residual não mudam nada."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class BlockWithoutResidual(TransformerBlock):
    """O bloco sem as duas somas: cada parte substitui x em vez de o corrigir."""

    def forward(
        self, x: Tensor, mask: Tensor | None = None, cache: KVCache | None = None
    ) -> tuple[Tensor, Tensor | None]:
        output, weights = self.attention(self.norm_1(x), mask, cache)
        return self.dropout(self.mlp(self.norm_2(self.dropout(output)))), weights


def ablate(model: GPT, *parts: str) -> GPT:
    """Tira uma ou mais partes de todos os blocos, para medir quanto cada uma vale.

    parts: "residual", "norm", "attention", "mlp" ou "positions"
    Devolve: o próprio modelo, mudado. Chame antes de treinar. A atenção retirada
        ainda é calculada (e seus pesos podem ser vistos), mas nada dela é somado.
    Erro: ValueError se a parte não existe.

    >>> model = GPT(GPTConfig(40, 24, d_model=8, n_heads=2, n_layers=1))
    >>> ablate(model, "mlp").blocks[0].mlp
    Zero()
    """
    check_parts(parts)
    for block in model.blocks:
        if "attention" in parts:
            block.attention.W_o = Zero()
        if "mlp" in parts:
            block.mlp = Zero()
        if "norm" in parts:
            block.norm_1, block.norm_2 = nn.Identity(), nn.Identity()
        if "residual" in parts:
            block.__class__ = BlockWithoutResidual  # mesmas partes, outro forward
    if "norm" in parts:
        model.norm = nn.Identity()
    if "positions" in parts:
        nn.init.zeros_(model.positions.weight).requires_grad_(False)
    return model


# As conferências de entrada.


def check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int):
            veio = f"{size} ({type(size).__name__})"
            raise ValueError(f"{name} deve ser um int de 1 em diante, não {veio}.")
        if size < 1:
            raise ValueError(f"{name} deve ser um inteiro de 1 em diante, não {size}.")


def check_heads(d_model: int, n_heads: int) -> None:
    check_sizes(d_model=d_model, n_heads=n_heads)
    if d_model % n_heads:
        raise ValueError(f"n_heads={n_heads} não divide d_model={d_model}.")


def check_input(x: Tensor, W_q: nn.Linear, mask: Tensor | None, past: int = 0) -> None:
    check_tensors(x=x, W_q=W_q.weight)
    if x.shape[-1] != W_q.in_features:
        raise ValueError(
            f"x tem largura {x.shape[-1]}, mas a camada espera "
            f"d_model={W_q.in_features}."
        )
    if mask is None:
        return
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        veio = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"mask deve ser bool (True = pode olhar), mas veio {veio}.")
    if mask.device != x.device:
        raise ValueError(f"mask está em {mask.device}, mas x está em {x.device}.")
    T_q, T_k = x.shape[-2], past + x.shape[-2]
    rows, columns = mask.shape[-2:-1], mask.shape[-1:]
    if columns not in ((1,), (T_k,)) or rows not in ((), (1,), (T_q,)):
        raise ValueError(
            f"mask tem a forma {tuple(mask.shape)}, que não cabe nos escores "
            f"(..., T_q, T_k) = (..., {T_q}, {T_k})."
        )


def check_head_axis(x: Tensor, mask: Tensor | None, n_heads: int) -> None:
    """Com tantas frases quantas cabeças, (..., B, T, T) e (..., H, T, T) são iguais."""
    doubt = mask is not None and 3 <= mask.dim() <= x.dim()
    if doubt and mask.shape[-3] == x.shape[-3] == n_heads > 1:
        T_q, T_k = mask.shape[-2:]
        raise ValueError(
            f"mask tem a forma {tuple(mask.shape)}, e {n_heads} é o número de cabeças "
            f"e o de frases: use ({n_heads}, 1, {T_q}, {T_k}), uma por frase, ou "
            f"(1, {n_heads}, {T_q}, {T_k}), uma por cabeça."
        )


def check_mask_batch(x: Tensor, mask: Tensor | None, n_heads: int) -> None:
    """Antes de o cache crescer: os eixos da esquerda cabem em (..., H)?"""
    if mask is None:
        return
    scores = (*x.shape[:-2], n_heads, x.shape[-2], mask.shape[-1])
    sizes = list(zip(reversed(mask.shape), reversed(scores), strict=False))
    if mask.dim() > len(scores) or any(m not in (1, s) for m, s in sizes[2:]):
        raise ValueError(
            f"mask tem a forma {tuple(mask.shape)}, que não cabe nos escores "
            f"(..., H, T_q, T_k) = {scores}."
        )


def check_cache(cache, ids: Tensor, model: GPT) -> None:
    if cache is None:
        return
    if not isinstance(cache, list | tuple) or not all(
        isinstance(layer, KVCache) for layer in cache
    ):
        veio = type(cache).__name__
        raise TypeError(f"cache deve ser o que new_cache() devolve, mas veio {veio}.")
    lengths = [layer.length for layer in cache]
    if len(cache) != len(model.blocks) or len(set(lengths)) > 1:
        raise ValueError(
            f"cache deve ter {len(model.blocks)} camadas, todas com os mesmos tokens, "
            f"mas veio {len(cache)}, com {lengths} tokens."
        )
    if lengths[0] and isinstance(ids, Tensor) and len(cache[0].k) != len(ids):
        raise ValueError(
            f"cache guarda {len(cache[0].k)} frases, mas ids tem {len(ids)}."
        )


def check_ids(ids: Tensor, past: int, model: GPT) -> None:
    config, device = model.config, model.tokens.weight.device
    if not isinstance(ids, Tensor) or ids.dtype != torch.int64:
        veio = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise TypeError(f"ids deve ser um tensor int64, mas veio {veio}.")
    if ids.dim() != 2 or ids.numel() == 0:
        raise ValueError(
            "ids deve ter a forma (B, T), com ao menos um token, "
            f"mas veio {tuple(ids.shape)}."
        )
    if ids.device != device:
        raise ValueError(
            f"ids está em {ids.device}, mas o modelo está em {device}: "
            "use o mesmo dispositivo."
        )
    if past + ids.shape[1] > config.context_length:
        guardados = f"{past} tokens no cache e " if past else ""
        raise ValueError(
            f"a frase tem {guardados}{ids.shape[1]} tokens, mas o modelo só tem "
            f"posições para context_length={config.context_length}."
        )
    low, high = (int(end) for end in ids.aminmax())
    if low < 0 or high >= config.vocab_size:
        raise ValueError(
            f"ids deve ir de 0 a {config.vocab_size - 1} "
            f"(vocab_size={config.vocab_size}), mas veio {low}..{high}."
        )


def check_targets(targets: Tensor, ids: Tensor, vocab_size: int) -> None:
    if not isinstance(targets, Tensor) or targets.dtype != torch.int64:
        veio = targets.dtype if isinstance(targets, Tensor) else type(targets).__name__
        raise TypeError(f"targets deve ser um tensor int64, mas veio {veio}.")
    if targets.shape != ids.shape:
        raise ValueError(
            f"targets tem a forma {tuple(targets.shape)}, mas ids tem "
            f"{tuple(ids.shape)}: deve haver um alvo por token."
        )
    if targets.device != ids.device:
        raise ValueError(
            f"targets está em {targets.device}, mas ids está em {ids.device}: "
            "use o mesmo dispositivo."
        )
    counted = targets[targets != -100]
    if counted.numel() == 0:
        raise ValueError("targets só tem -100: não há alvo nenhum para a perda.")
    low, high = (int(end) for end in counted.aminmax())
    if low < 0 or high >= vocab_size:
        raise ValueError(
            f"targets deve ir de 0 a {vocab_size - 1}, ou ser -100, "
            f"mas veio {low}..{high}."
        )


def check_generation(
    ids: Tensor, n: int, temperature: float, top_k: int | None, config: GPTConfig
) -> None:
    if not isinstance(n, int) or n < 0:
        raise ValueError(f"n deve ser um inteiro de 0 em diante, não {n}.")
    T = ids.shape[1]
    if T + n > config.context_length:
        raise ValueError(
            f"{T} tokens e mais {n} são {T + n}, mas o modelo só tem posições para "
            f"context_length={config.context_length}."
        )
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature deve ser maior que 0, mas veio {temperature}; "
            "para sempre escolher o mais provável, use top_k=1."
        )
    if top_k is not None and not (
        isinstance(top_k, int) and 1 <= top_k <= config.vocab_size
    ):
        raise ValueError(
            f"top_k deve ir de 1 a vocab_size={config.vocab_size}, mas veio {top_k}."
        )


def check_weights(weights: list[Tensor | None]) -> None:
    if any(layer is None for layer in weights):
        raise ValueError(
            "attend não devolve os pesos de atenção (veio None): para vê-los, "
            "monte o modelo com attend=attention."
        )


def check_parts(parts: tuple[str, ...]) -> None:
    known = ("residual", "norm", "attention", "mlp", "positions")
    for part in parts:
        if part not in known:
            raise ValueError(f"não há a parte {part!r}; as partes são {known}.")
