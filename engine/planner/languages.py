"""Questions in other languages: the rules read English only, and say so."""

from __future__ import annotations

import re
from collections.abc import Iterable

READS_ENGLISH = "I read English only: there is no language model here, just rules."

# Common words that are no English ones, of German, French, Spanish, Italian, Portuguese, Dutch,
# Polish and Turkish.
_WORDS = (
    "nach als und der das ist sind wie viel viele wieviel welche welcher welches zeige zeig bitte "
    "mir mach mache erstelle berechne gib summe gesamt umsatz durchschnitt mittelwert anzahl datei "
    "tabelle diagramm balkendiagramm kreisdiagramm liniendiagramm deutsch pro je nur ohne für im "
    "von den dem ein eine mit danke hallo auf aus nicht größte höchste kleinste meisten monat jahr "
    "quelle quel quels combien montre moi affiche calcule somme moyenne graphique fichier tableau "
    "les des une est dans avec par pour sur merci bonjour chiffre affaires "
    "cuánto cuánta cuántos cuántas cual cuál muestra muéstrame calcula suma promedio gráfico "
    "gráfica archivo tabla los las del por para con una hola gracias ventas cuanto qué "
    "quanto quanti quale mostra mostrami calcola somma media grafico tabella della delle di il gli "
    "che per ciao grazie quantos qual mostre soma média gráfico arquivo tabela dos das com uma "
    "obrigado olá hoeveel toon welke bereken gemiddelde totaal bestand het een van met voor "
    "ile pokaż suma średnia wykres plik dla oraz toplam ortalama grafik dosya göster ve için"
)
_ENGLISH_TOO = {"pro", "per", "des", "das", "media", "con", "met", "van", "den", "dos", "im", "ve"}
_FOREIGN = frozenset(_WORDS.split()) - _ENGLISH_TOO
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1fff\u2e80-\ud7ff\uf900-\ufaff]")


def is_foreign(strange: Iterable[str]) -> bool:
    """Whether some of the words that nothing was made of are of another language."""
    return any(
        word.casefold() in _FOREIGN or _OTHER_SCRIPT.search(word) is not None for word in strange
    )
