"""Exercícios do caderno 07."""

EXERCISES = []
