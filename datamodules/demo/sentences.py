"""The demo's six languages and the neutral sentences that its speakers say."""

LANGUAGES = {
    "de": "German",
    "el": "Greek",
    "en": "English (Great Britain)",
    "fa": "Persian",
    "fr": "French (France)",
    "it": "Italian",
}
"""SERAB's languages: code to the synthesizer's name of it."""

SENTENCES = {
    "de": (
        "Der Bus hält neben der alten Mühle.",
        "Im Schrank stehen sieben blaue Tassen.",
        "Am Dienstag kommt der Maler ins Haus.",
        "Die Leiter lehnt noch an der Mauer.",
        "Das Wasser im Topf ist schon warm.",
        "Unser Nachbar sammelt leere Flaschen.",
        "Der Schlüssel liegt unter dem Teppich.",
    ),
    "el": (
        "Το λεωφορείο σταματά δίπλα στον φούρνο.",
        "Τα βιβλία είναι πάνω στο ράφι.",
        "Την Τρίτη έρχεται ο υδραυλικός στο σπίτι.",
        "Η σκάλα ακουμπάει στον τοίχο.",
        "Το νερό στην κατσαρόλα ζεστάθηκε.",
        "Ο γείτονας ποτίζει τις ντομάτες του.",
        "Το κλειδί είναι κάτω από το χαλί.",
    ),
    "en": (
        "The bus stops beside the old bakery.",
        "Seven blue cups are standing on the shelf.",
        "The painter will be here on Tuesday morning.",
        "Somebody left a ladder against the wall.",
        "The water in the kettle is warm by now.",
        "Our neighbour keeps his tools in the garage.",
        "You will find the key under the carpet.",
    ),
    "fa": (
        "اتوبوس کنار نانوایی می‌ایستد.",
        "کتاب‌ها روی میز کنار پنجره هستند.",
        "نقاش روز سه‌شنبه به خانه می‌آید.",
        "نردبان هنوز کنار دیوار است.",
        "آب کتری حالا گرم شده است.",
        "همسایه‌ی ما باغچه را آب می‌دهد.",
        "کلید خانه زیر فرش است.",
    ),
    "fr": (
        "Le bus s'arrête à côté du vieux moulin.",
        "Sept tasses bleues sont dans le placard.",
        "Le peintre passera chez nous mardi matin.",
        "L'échelle est encore contre le mur.",
        "L'eau de la bouilloire est déjà chaude.",
        "Notre voisin garde ses outils au garage.",
        "La clé se trouve sous le tapis de l'entrée.",
    ),
    "it": (
        "L'autobus si ferma accanto al forno.",
        "Sette tazze azzurre stanno nella credenza.",
        "Il pittore arriva martedì mattina.",
        "La scala è ancora appoggiata al muro.",
        "L'acqua nella pentola è già calda.",
        "Il nostro vicino annaffia i pomodori.",
        "La chiave si trova sotto il tappeto.",
    ),
}
"""Neutral sentences, written for this demo; every speaker says each one in every emotion."""
