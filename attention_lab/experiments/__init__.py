"""Os experimentos dos cadernos: onde a gramática, as camadas e o treino se encontram.

Cada função é chamada pelo caderno, que mostra o resultado, e pelos testes, que conferem
a afirmação em três sementes ou mais.
"""
