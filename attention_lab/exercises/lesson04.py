"""Exercícios do caderno 04."""

EXERCISES = []
