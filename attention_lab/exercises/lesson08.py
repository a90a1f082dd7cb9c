"""Exercícios do caderno 08."""

EXERCISES = []
