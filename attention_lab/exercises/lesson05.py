"""Exercícios do caderno 05."""

EXERCISES = []
