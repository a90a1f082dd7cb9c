"""O que vale para testes e cadernos: em silêncio, sem janelas e numa thread só."""

import os

import matplotlib
import torch

os.environ["ATTENTION_LAB_SILENCIO"] = "1"  # nos cadernos, as barras de progresso
os.environ["PYTHONHASHSEED"] = "0"
matplotlib.use("agg")
torch.set_num_threads(1)
