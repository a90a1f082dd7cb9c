"""Exercícios do caderno 02."""

EXERCISES = []
