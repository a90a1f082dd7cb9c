"""Mede o tempo e a memória da atenção, em razões dentro de uma mesma execução.

    python tools/benchmark.py              tudo (alguns minutos)
    python tools/benchmark.py --quick      tamanhos menores
    python tools/benchmark.py --out X.png  onde guardar a figura

Compara MultiHeadAttention, com cada `attend`, ao nn.MultiheadAttention e a dois módulos
que só chamam a SDPA, sem conferir nada: um com as três projeções do nosso, o outro com
Q, K e V numa só, como no GPT-2. Ida, e ida com volta. Depois, a memória e o tempo de
cada versão em função de T. Os tempos variam de máquina a máquina; as razões, bem menos.
Cada razão é a mediana das rodadas, seguida do menor e do maior valor; chamadas curtas
são medidas em sequências de 20 ms. Onde uma leva menos de 1 ms, pesa o custo fixo: as
conferências da entrada, e três projeções em vez de uma.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from attention_lab import (
    MultiHeadAttention,
    attention,
    attention_loop,
    causal_mask,
    figures,
)
from attention_lab.efficient import sdpa_attention, tiled_attention


class PlainSDPA(nn.Module):
    """O módulo mais curto que se escreve com a SDPA e as mesmas quatro matrizes."""

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (
            nn.Linear(d_model, d_model, bias=False) for _ in range(4)
        )

    def forward(self, x):
        q, k, v = (
            W(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for W in (self.W_q, self.W_k, self.W_v)
        )  # (B, H, T, d_k) cada um
        output = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.W_o(output.transpose(1, 2).flatten(-2))


class StackedSDPA(nn.Module):
    """O mesmo, com W_q, W_k e W_v empilhadas: uma projeção, três vezes mais larga."""

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.W_qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        heads = self.W_qkv(x).unflatten(-1, (3, self.n_heads, -1))
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # (B, H, T, d_k) cada um
        output = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.W_o(output.transpose(1, 2).flatten(-2))


def candidates(d_model, n_heads, T) -> dict:
    """Nome → função de x; todas causais, com parâmetros do mesmo tamanho."""
    ours = {"attention": attention, "tiled_attention": tiled_attention}
    ours["sdpa_attention"] = sdpa_attention
    calls = {}
    for name, attend in ours.items():
        module = MultiHeadAttention(d_model, n_heads, attend=attend)
        calls[f"nossa, {name}"] = lambda x, module=module: module(x)[0]
    theirs = nn.MultiheadAttention(d_model, n_heads, bias=False, batch_first=True)
    blocked = ~causal_mask(T)  # nesta classe, True quer dizer "não pode olhar"
    for need in (True, False):
        calls[f"nn.MultiheadAttention, need_weights={need}"] = lambda x, need=need: (
            theirs(x, x, x, attn_mask=blocked, need_weights=need, is_causal=not need)[0]
        )
    calls["só a SDPA, Q, K e V numa projeção"] = StackedSDPA(d_model, n_heads)
    calls["só a SDPA"] = PlainSDPA(d_model, n_heads)
    return calls


def seconds(call, x, backward: bool, calls: int = 1) -> float:
    """Segundos por chamada, em `calls` chamadas seguidas."""
    x = x.clone().requires_grad_(backward)
    start = time.perf_counter()
    with torch.set_grad_enabled(backward):
        for _ in range(calls):
            output = call(x)
            if backward:
                output.sum().backward()
    return (time.perf_counter() - start) / calls


def compare(B, T, d_model, n_heads, rounds) -> None:
    """Imprime a razão de cada candidato ao módulo que só chama a SDPA."""
    torch.manual_seed(0)
    calls = candidates(d_model, n_heads, T)
    x = torch.randn(B, T, d_model)
    for backward, title in [(False, "ida"), (True, "ida e volta")]:
        for call in calls.values():
            took = seconds(call, x, backward, 3)  # aquece
        n = max(1, round(0.02 / took))
        times = torch.tensor(
            [
                [seconds(call, x, backward, n) for call in calls.values()]
                for _ in range(rounds)
            ]
        )
        ratios = times / times[:, -1:]  # na mesma rodada: o ruído lento se cancela
        alone = 1000 * times[:, -1].median()
        print(f"\n{title}: B={B}, T={T}, d_model={d_model}, {n_heads} cabeças, causal")
        print(f"  1.00 × são {alone:.2f} ms")
        for name, ratio in zip(calls, ratios.T, strict=True):
            middle, low, high = ratio.median(), ratio.min(), ratio.max()
            print(f"  {name:44s} {middle:6.2f} × ({low:.2f} a {high:.2f})")


# Cada forma é medida num processo só dela, que no Linux (glibc) não devolve a memória
# ao sistema entre as chamadas: devolver e pedir de novo chega a dobrar o tempo, e de
# quem é o azar depende do que rodou antes.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
    "MALLOC_TOP_PAD_": str(2**28),
}
VERSIONS = {
    "laço": lambda q, k, v: attention_loop(q, k, v, causal_mask(len(q))),
    "explícita": lambda q, k, v: attention(q, k, v, causal_mask(len(q))),
    "em blocos": lambda q, k, v: tiled_attention(q, k, v, causal=True),
    "SDPA": lambda q, k, v: F.scaled_dot_product_attention(
        q[None, None], k[None, None], v[None, None], is_causal=True
    ),
}
LIMITS = {"laço": 128, "explícita": 8192}  # além disso, demora ou não cabe


def peak() -> float:
    """O pico de memória deste processo, em KiB; fora do Linux, nan."""
    if not Path("/proc/self/status").exists():
        return float("nan")
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def one(name: str, T: int) -> None:
    """Imprime os segundos (mediana de 3) e os MiB a mais de uma versão, sozinha."""
    with torch.no_grad():
        VERSIONS[name](*torch.randn(3, min(T, 512) if name != "laço" else 8, 64))
        q, k, v = torch.randn(3, T, 64)
        before = peak()
        VERSIONS[name](q, k, v)
        more = (peak() - before) / 1024
        times = []
        for _ in range(3):
            start = time.perf_counter()
            VERSIONS[name](q, k, v)
            times.append(time.perf_counter() - start)
    print(sorted(times)[1], more)


def against_length(lengths: list[int], out: Path) -> None:
    """Tabela e figura de tempo e memória contra T, uma cabeça, d = 64, causal."""
    results = {}
    print("\nUma cabeça, d = 64, causal: segundos e MiB a mais")
    for name in VERSIONS:
        for T in lengths:
            if LIMITS.get(name, T) < T:
                continue
            run = [sys.executable, __file__, "--one", name, str(T)]
            text = subprocess.run(run, capture_output=True, check=True, text=True)
            results[name, T] = [float(n) for n in text.stdout.split()]
            print(f"  {name:10s} T={T:6d} {results[name, T][0]:9.4f} s", end="")
            print(f" {results[name, T][1]:9.1f} MiB")
    fig, axes = figures.canvas(1, 2)
    shown = [n for n in VERSIONS if n != "laço"]
    lengths = [T for T in lengths if LIMITS["explícita"] >= T]
    floors = [("segundos", 1e-5), ("MiB a mais", 0.1)]  # a escala log não mostra o 0
    for column, (ax, (label, low)) in enumerate(zip(axes, floors)):
        series = {n: [max(results[n, T][column], low) for T in lengths] for n in shown}
        options = {"xlabel": "T (tokens)", "ylabel": label, "log_x": True}
        figures.curves(ax, lengths, series, log_y=True, title=label, **options)
    out.write_bytes(figures.to_png(fig))
    print(f"\nFigura: {out.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmark.png"))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--compare", nargs=5, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one[0], int(options.one[1]))
        return
    if options.compare:
        compare(*options.compare)
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
    shapes = [(4, 128, 64, 4, 8 * options.rounds)]
    shapes += [(8, 256, 128, 4, 8 * options.rounds)]
    shapes += [(8, 256, 256, 8, 8 * options.rounds)]
    if not options.quick:
        shapes.append((8, 1024, 768, 12, options.rounds))
    for shape in shapes:
        run = [sys.executable, __file__, "--compare", *map(str, shape)]
        subprocess.run(run, check=True, env=os.environ | KEEP_MEMORY)
    lengths = [128, 512, 2048] if options.quick else [128, 512, 2048, 4096, 8192, 16384]
    against_length(lengths, options.out)


if __name__ == "__main__":
    main()
