"""Exercícios do caderno 06."""

EXERCISES = []
