"""O texto de infograficos/README.md, tirado dos módulos e dos números."""

import html
import json
from pathlib import Path

from attention_lab.figures import COLORS
from tools.posters import base

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

INTRO = """\
# Infográficos

Esta pasta guarda os infográficos do capítulo 03. Cada um conta um achado do curso, com
números calculados pelo pacote `attention_lab`, e acompanha uma seção do capítulo.

A pasta viaja dentro do pacote: os cadernos mostram os infográficos também no Colab, sem
baixar nada além do curso. Em um caderno:

```python
from attention_lab import infographic

infographic("06")
```

## O capítulo em {count} quadros

{index}

## Diretrizes visuais

Quem desenhar um infográfico novo, ou redesenhar um destes, segue estas regras.

- **Um achado por quadro.** O título o afirma; o desenho o mostra; o pé diz de onde vêm
  os números e se houve treinamento. Nenhum mapa sem treinamento passa por treinado.
- **Números de verdade.** Saem dos tensores do curso e ficam em
  [dados.json](dados.json), já arredondados; títulos e textos os leem de lá.
- **Quadro.** {width} × {height} px, textos a {margin} px da borda, fundo branco opaco,
  que se lê também em página escura.
- **Letra.** DejaVu Sans, que vem com o Matplotlib. Título com {title} pt em negrito,
  texto com {text} pt, nada com menos de {smallest} pt; assim se lê com 800 px de
  largura.
- **Palavras.** No máximo 60, contados os tokens. Português, vírgula decimal.
- **Nunca só a cor.** Há sempre uma letra, um número, um traço ou uma hachura que diz o
  mesmo. O mapa dos pesos de atenção vai do branco ao roxo escuro, e a claridade só cai:
  lê-se em tons de cinza e com daltonismo. O bloqueado sai hachurado, e não como zero.
- **Contraste.** Texto e fundo, 4,5 : 1 ou mais. Laranja, verde, púrpura e vermelhão
  servem a bordas e preenchimentos; o texto é tinta, cinza, azul ou branco.

| papel | cor | código |
|---|---|---|
{roles}

## Como regenerar

```
.venv/bin/python tools/posters               # desenha todos e escreve este README
.venv/bin/python tools/posters 06            # desenha só o 06
.venv/bin/python tools/posters --check       # diz quais estão desatualizados
.venv/bin/python tools/posters --measure     # mede tudo de novo (treina) e desenha
```

No Windows, troque `.venv/bin/python` por `.venv\\Scripts\\python`.

O desenho só lê `dados.json`. Com o Matplotlib do `constraints.txt`, cada SVG sai igual
byte a byte, e um teste confere. Este arquivo também é escrito pelo comando: não o edite
à mão.
"""

ENTRY = """
## {number} · {title}

![{alt}]({file})

- **Arquivo:** [{file}]({file})
- **Seção:** [{section}](../notebooks/{notebook}.ipynb)
- **Para que serve:** {purpose}
- **Texto alternativo:** {alt}

**Descrição longa.** {long}

**O que notar.** {notice}

**Prompt para redesenhar**

> {prompt}
"""

ROLES = {
    "q": ("azul", "consulta (Q)"),
    "k": ("laranja", "chave (K); nos quadros 01, 05 e 07, o bicho que interessa"),
    "v": ("verde", "valor (V) e vetor de contexto"),
    "weights": ("púrpura", "escores e pesos de atenção"),
    "error": ("vermelhão", "erro, vazamento, o que se perde"),
    "ink": ("tinta", "texto"),
    "soft": ("cinza", "texto de apoio, setas"),
    "grid": ("cinza claro", "linhas da tabela"),
}


def section(notebook: str) -> str:
    """O título de um caderno, como "03 · Self-Attention básico"."""
    path = NOTEBOOKS / f"{notebook}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = "".join(line for cell in cells[:2] for line in [*cell["source"], "\n"])
    return next(one for one in lines.splitlines() if one.startswith("# "))[2:]


def write(modules: dict, data: dict) -> str:
    """O README inteiro.

    modules: número → módulo; data: número → o que se mediu
    """
    entries = {n: m.texts(data[n]) for n, m in modules.items()}
    numerals = "zero um dois três quatro cinco seis sete oito nove dez".split()
    intro = INTRO.format(
        count=numerals[len(entries)],
        index="\n".join(f"- **{n}** · {t.title}" for n, t in entries.items()),
        width=base.WIDTH,
        height=base.HEIGHT,
        margin=base.MARGIN,
        title=base.SIZES["title"],
        text=base.SIZES["text"],
        smallest=base.MIN_SIZE,
        roles="\n".join(
            f"| {where} | {name} | `{COLORS[role]}` |"
            for role, (name, where) in ROLES.items()
        ),
    )
    for number, words in entries.items():
        module = modules[number]
        told = {
            name: html.escape(text, quote=False) for name, text in vars(words).items()
        }
        intro += ENTRY.format(
            number=number,
            file=module.FILE,
            notebook=module.SECTION,
            section=section(module.SECTION),
            **told,  # <s> é um token, e não o riscado do HTML
        )
    return intro
