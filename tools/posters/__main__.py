"""Desenha os infográficos e escreve infograficos/README.md.

    python tools/posters               desenha todos e escreve o README
    python tools/posters 03 06b        desenha só estes
    python tools/posters --check       só confere; sai com 1 se algum arquivo mudaria
    python tools/posters --measure 06  mede de novo (treina, se for preciso) e desenha

O desenho só lê os números de infograficos/dados.json: não treina nada, e com o
Matplotlib do constraints.txt sai igual byte a byte. ``--measure`` é quem os escreve.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from tools.posters import base, readme  # noqa: E402

FOLDER = ROOT / "infograficos"
DATA = FOLDER / "dados.json"


def posters() -> dict:
    """Número → módulo de cada infográfico que há nesta pasta, em ordem."""
    files = sorted(Path(__file__).parent.glob("p[0-9]*_*.py"))
    found = [import_module(f"tools.posters.{file.stem}") for file in files]
    return {module.ID: module for module in sorted(found, key=lambda m: m.ID)}


def load() -> dict:
    """Os números guardados: {} se ainda não há arquivo."""
    return json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}


def save(data: dict) -> None:
    """Guarda os números, uma grandeza por linha."""
    blocks = []
    for number in sorted(data):
        lines = [
            f'  "{name}": {json.dumps(value, ensure_ascii=False)}'
            for name, value in data[number].items()
        ]
        blocks.append(f' "{number}": {{\n' + ",\n".join(lines) + "\n }")
    DATA.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


def contents(modules: dict, data: dict) -> dict[Path, str]:
    """Caminho → texto do SVG de cada módulo."""
    return {
        FOLDER / module.FILE: base.to_svg(
            module.draw(data[number]), module.texts(data[number])
        )
        for number, module in modules.items()
    }


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python tools/posters",
        description=__doc__.split("\n\n")[0],
    )
    parser.add_argument("numbers", nargs="*", help="como 03 ou 06b; todos se omitidos")
    parser.add_argument("--check", action="store_true", help="só confere")
    parser.add_argument("--measure", action="store_true", help="mede de novo antes")
    options = parser.parse_args(arguments)
    everything = posters()
    for number in options.numbers:
        if number not in everything:
            there = ", ".join(everything)
            parser.error(f"não há infográfico {number!r}; há {there}")
    chosen = {n: everything[n] for n in options.numbers or everything}
    data = load()
    if options.measure:
        for number, module in chosen.items():
            print(f"medindo {number}…", flush=True)
            data[number] = module.measure()
            save(data)
    missing = [n for n in chosen if n not in data]
    if missing:
        parser.error(
            f"faltam em {DATA.name} os números de {', '.join(missing)}: rode "
            f"python tools/posters --measure {' '.join(missing)}"
        )
    files = contents(chosen, data)
    measured = {n: m for n, m in everything.items() if n in data}
    files[FOLDER / "README.md"] = readme.write(measured, data)
    stale = [path for path, new in files.items() if _read(path) != new]
    for path in stale:
        if not options.check:
            path.write_text(files[path], encoding="utf-8", newline="\n")
        print("desatualizado:" if options.check else "escrito:", path.relative_to(ROOT))
    if not stale:
        print("tudo em dia")
    return int(options.check and bool(stale))


def _read(path):
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)  # com uma thread, os mesmos números a cada execução
    sys.exit(main())
