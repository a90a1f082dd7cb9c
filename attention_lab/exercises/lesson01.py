"""Exercícios do caderno 01."""

EXERCISES = []
