"""O laboratório do capítulo 03, na ordem em que o capítulo o constrói.

Figuras, gramática e treino ficam nas suas salas, e cada caderno importa a que usa:
``from attention_lab import figures, grammar, train``.
"""

from attention_lab.attention import (
    dot_scores,  # seção 3: a escada
    softmax,
    self_attention,
    attention,  # seção 4: consulta, chave e valor
    attention_loop,
    causal_mask,  # seção 6: quem pode olhar para quem
    padding_mask,
    split_heads,  # seção 7: várias cabeças
    merge_heads,
)
from attention_lab.layers import (
    SelfAttention,  # seção 5: os parâmetros que se treinam
    MultiHeadAttention,  # seção 7
    TransformerBlock,  # seção 8: o bloco e o modelo
    GPT,
    GPTConfig,
)
from attention_lab.efficient import sdpa_attention, tiled_attention  # seção 8: o custo
from attention_lab.explorer import show_heads  # seções 5, 7 e 8
from attention_lab.exercises import check  # em todos os cadernos
from attention_lab.infographics import infographic

__version__ = "0.1.0"

__all__ = [
    "dot_scores",
    "softmax",
    "self_attention",
    "attention",
    "attention_loop",
    "causal_mask",
    "padding_mask",
    "split_heads",
    "merge_heads",
    "SelfAttention",
    "MultiHeadAttention",
    "TransformerBlock",
    "GPT",
    "GPTConfig",
    "sdpa_attention",
    "tiled_attention",
    "show_heads",
    "check",
    "infographic",
]
