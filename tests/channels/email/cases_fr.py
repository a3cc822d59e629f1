"""French mails as the mail programs of our readers really write them; people and addresses are invented."""

# ruff: noqa: E501 - a mail is kept as its program writes it

import base64
import quopri
from dataclasses import dataclass, field
from email.header import Header

NBSP, NNBSP = "\u00a0", "\u202f"
HOTLINE = "hotline+k7f3q9@conseils.example.org"
OURS = "Bonjour,\n\nLa prochaine réunion du conseil citoyen a lieu le 12 novembre à 18 h.\n\nLa hotline"
OURS_HTML = (
    "<p>Bonjour,</p><p>La prochaine réunion du conseil citoyen a lieu le 12 novembre à 18 h.</p><p>La hotline</p>"
)
FROM = "La hotline <hotline@conseils.example.org>"
LEAK = "La prochaine réunion du conseil citoyen"


@dataclass(frozen=True)
class Case:
    """A raw mail and what a reader should see of it."""

    name: str
    raw: bytes
    visible: str
    hidden: tuple[str, ...] = (LEAK,)
    shown: tuple[str, ...] = field(default=())
    kind: str = "human"


def part(text: str, subtype: str = "plain", charset: str = "utf-8", encoding: str = "quoted-printable") -> bytes:
    data = text.replace("\n", "\r\n").encode(charset)
    if encoding == "base64":
        body = base64.encodebytes(data).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        body = quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    else:
        body = data
    head = f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


def headers(subject: str, sender: str = "Amélie Durand <amelie.durand@example.org>", extra: str = "") -> bytes:
    name, _, address = sender.rpartition(" ")
    encoded = Header(name, "utf-8").encode() if not name.isascii() else name
    title = Header(subject, "utf-8").encode() if not subject.isascii() else subject
    lines = [
        "Return-Path: <amelie.durand@example.org>",
        f"From: {encoded} {address}".replace("From:  ", "From: "),
        f"To: {HOTLINE}",
        f"Subject: {title}",
        "Date: Tue, 03 Nov 2026 10:12:00 +0100",
        "Message-ID: <abc123@mail.example.org>",
        "In-Reply-To: <k7f3q9.17@conseils.example.org>",
        "References: <k7f3q9.17@conseils.example.org>",
        "MIME-Version: 1.0",
    ]
    return "\r\n".join(lines).encode() + b"\r\n" + extra.encode()


def plain(
    text: str, subject: str = "Re: Votre question", charset: str = "utf-8", encoding: str = "quoted-printable"
) -> bytes:
    return headers(subject) + part(text, "plain", charset, encoding)


def html(
    text: str, subject: str = "Re: Votre question", charset: str = "utf-8", encoding: str = "quoted-printable"
) -> bytes:
    return headers(subject) + part(text, "html", charset, encoding)


def both(text: str, rich: str, subject: str = "Re: Votre question", charset: str = "utf-8") -> bytes:
    open_ = b'Content-Type: multipart/alternative; boundary="=_b1"\r\n\r\n'
    pieces = [
        b"--=_b1\r\n",
        part(text, "plain", charset),
        b"\r\n--=_b1\r\n",
        part(rich, "html", charset),
        b"\r\n--=_b1--\r\n",
    ]
    return headers(subject) + open_ + b"".join(pieces)


def quoted(text: str = OURS) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


GMAIL = f"Le mar. 3 nov. 2026 à 09:05, La hotline <hotline@conseils.example.org> a\nécrit{NBSP}:"
GMAIL_NARROW = f"Le mar. 3 nov. 2026 à 09:05, La hotline <hotline@conseils.example.org> a écrit{NNBSP}:"
GMAIL_HTML = (
    '<div dir="ltr">{above}</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">Le mar. 3 nov.'
    ' 2026 à 09:05, La hotline &lt;<a href="mailto:hotline@conseils.example.org">hotline@conseils.example.org</a>&gt; a écrit'
    '&nbsp;:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">'
    + OURS_HTML
    + "</blockquote></div>{below}"
)
THUNDERBIRD_HTML = (
    '<html><body><p>{above}</p><div class="moz-cite-prefix">Le 03/11/2026 à 09:05, La hotline a écrit&nbsp;:<br></div>'
    '<blockquote type="cite" cite="mid:k7f3q9.17@conseils.example.org">'
    + OURS_HTML
    + "</blockquote>{below}</body></html>"
)
OUTLOOK_BLOCK = (
    f"De{NBSP}: La hotline <hotline@conseils.example.org>\nEnvoyé{NBSP}: mardi 3 novembre 2026 09:05\n"
    f"À{NBSP}: Amélie Durand <amelie.durand@example.org>\nObjet{NBSP}: Votre question\n\n{OURS}"
)
OUTLOOK_HTML = (
    '<html xmlns:o="urn:schemas-microsoft-com:office:office"><body lang=FR><div class=WordSection1><p class=MsoNormal>{above}'
    "<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:"
    "3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>De&nbsp;:</b> La hotline &lt;hotline@conseils.example.org&gt; <br><b>Envoyé&nbsp;:</b>"
    " mardi 3 novembre 2026 09:05<br><b>À&nbsp;:</b> Amélie Durand &lt;amelie.durand@example.org&gt;<br><b>Objet&nbsp;:</b> Votre"
    " question<o:p></o:p></p></div></div>" + OURS_HTML + "</div></body></html>"
)
OUTLOOK_WEB_HTML = (
    '<html><body dir="ltr"><div class="elementToProof">{above}</div><div id="appendonsend"></div><hr style="display:inline-block;'
    'width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri"><b>De :</b> La hotline<br><b>Envoyé :</b> mardi'
    " 3 novembre 2026 09:05<br><b>À :</b> Amélie Durand<br><b>Objet :</b> Votre question</font><div>&nbsp;</div></div><div>"
    + OURS_HTML
    + "</div></body></html>"
)
ANSWER = "Merci, c'est noté. Faut-il apporter une pièce d'identité ?"


def html_of(text: str) -> str:
    return text.replace("é", "&eacute;").replace("\n", "<br>")


REPLIES = [
    Case("Gmail, attribution pliée à 72 colonnes", plain(f"{ANSWER}\n\n{GMAIL}\n\n{quoted()}"), ANSWER),
    Case("Gmail, espace fine avant les deux-points", plain(f"{ANSWER}\n\n{GMAIL_NARROW}\n\n{quoted()}"), ANSWER),
    Case(
        "Gmail, attribution pliée trois fois",
        plain(
            f"{ANSWER}\n\nLe mar. 3 nov. 2026 à 09:05, La hotline\n<hotline@conseils.example.org>\na écrit :\n\n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "Gmail, les deux parties",
        both(f"{ANSWER}\n\n{GMAIL}\n\n{quoted()}", GMAIL_HTML.format(above=ANSWER, below="")),
        ANSWER,
    ),
    Case("Gmail, HTML seul", html(GMAIL_HTML.format(above=html_of(ANSWER), below="")), ANSWER),
    Case(
        "Gmail, HTML, réponse sous la citation", html(GMAIL_HTML.format(above="", below=f"<div>{ANSWER}</div>")), ANSWER
    ),
    Case("Gmail, collée sous le texte", plain(f"Oui !\n{GMAIL_NARROW}\n{quoted()}"), "Oui !"),
    Case(
        "Gmail, base64 et windows-1252",
        plain(f"{ANSWER}\n\n{GMAIL}\n\n{quoted()}", charset="windows-1252", encoding="base64"),
        ANSWER,
    ),
    Case(
        "Gmail en anglais",
        plain(
            f"{ANSWER}\n\nOn Tue, Nov 3, 2026 at 9:05 AM La hotline <hotline@conseils.example.org>\nwrote:\n\n{quoted()}"
        ),
        ANSWER,
    ),
    Case("Outlook de bureau, texte", plain(f"{ANSWER}\n\n{OUTLOOK_BLOCK}", charset="windows-1252"), ANSWER),
    Case(
        "Outlook de bureau, trait au-dessus du bloc",
        plain(f"{ANSWER}\n\n________________________________\n{OUTLOOK_BLOCK}"),
        ANSWER,
    ),
    Case(
        "Outlook de bureau, message d'origine",
        plain(f"{ANSWER}\n\n-----Message d'origine-----\n{OUTLOOK_BLOCK}", charset="iso-8859-1"),
        ANSWER,
    ),
    Case(
        "Outlook de bureau, apostrophe courbe",
        plain(f"{ANSWER}\n\n-----Message d’origine-----\n{OUTLOOK_BLOCK}"),
        ANSWER,
    ),
    Case("Outlook de bureau, HTML", html(OUTLOOK_HTML.format(above=ANSWER), charset="windows-1252"), ANSWER),
    Case(
        "Outlook, les deux parties",
        both(f"{ANSWER}\n\n{OUTLOOK_BLOCK}", OUTLOOK_HTML.format(above=ANSWER), charset="iso-8859-1"),
        ANSWER,
    ),
    Case("Outlook web, HTML", html(OUTLOOK_WEB_HTML.format(above=ANSWER)), ANSWER),
    Case(
        "Outlook web, gras en étoiles",
        plain(
            f"{ANSWER}\n\n{OUTLOOK_BLOCK}".replace(f"De{NBSP}:", f"*De{NBSP}:*").replace(
                f"Envoyé{NBSP}:", f"*Envoyé{NBSP}:*"
            )
        ),
        ANSWER,
    ),
    Case(
        "Outlook mobile",
        plain(
            f"{ANSWER}\n\nTélécharger Outlook pour iOS<https://aka.ms/o0ukef>\n________________________________\n{OUTLOOK_BLOCK}"
        ),
        ANSWER,
    ),
    Case(
        "Outlook mobile, Android",
        plain(
            f"{ANSWER}\n\nEnvoyé à partir de Outlook pour Android\n________________________________\n{OUTLOOK_BLOCK}"
        ),
        ANSWER,
    ),
    Case(
        "Courrier de Windows", plain(f"{ANSWER}\n\nProvenance{NBSP}: Courrier pour Windows\n\n{OUTLOOK_BLOCK}"), ANSWER
    ),
    Case(
        "bloc d'en-têtes sur une seule ligne",
        plain(
            f"{ANSWER}\n\nDe : La hotline <hotline@conseils.example.org> Envoyé : mardi 3 novembre 2026 09:05 À : Amélie Durand Objet : Votre question\n\n{OURS}"
        ),
        ANSWER,
    ),
    Case(
        "bloc d'en-têtes à la suite du texte, sur la même ligne",
        plain(
            f"{ANSWER} De : La hotline <hotline@conseils.example.org> Envoyé : mardi 3 novembre 2026 09:05 À : Amélie Durand Objet : Votre question {OURS}"
        ),
        ANSWER,
    ),
    Case(
        "bloc d'en-têtes sur une ligne, replié",
        plain(
            f"{ANSWER}\n\nDe : La hotline <hotline@conseils.example.org> Envoyé : mardi 3\nnovembre 2026 09:05 À : Amélie Durand Objet : Votre\nquestion\n\n{OURS}"
        ),
        ANSWER,
    ),
    Case(
        "Outlook, Date au lieu d'Envoyé",
        plain(
            f"{ANSWER}\n\nDe : La hotline <hotline@conseils.example.org>\nDate : mardi, 3 novembre 2026 à 09:05\nÀ : amelie.durand@example.org\nObjet : Votre question\n{OURS}"
        ),
        ANSWER,
    ),
    Case(
        "Outlook, Cc et importance",
        plain(
            f"{ANSWER}\n\nDe : La hotline <hotline@conseils.example.org>\nEnvoyé : mardi 3 novembre 2026 09:05\nÀ : a@example.org;\n b@example.org\nCc : c@example.org\nObjet : Votre question\nImportance : Haute\n\n{OURS}"
        ),
        ANSWER,
    ),
    Case(
        "Orange, message du",
        plain(
            f'{ANSWER}\n\n> Message du 03/11/26 09:05\n> De : "La hotline" <hotline@conseils.example.org>\n> A : amelie.durand@example.org\n> Copie à : \n> Objet : Votre question\n>\n{quoted()}'
        ),
        ANSWER,
    ),
    Case(
        "Orange, nouvelle messagerie",
        plain(
            f"{ANSWER}\n\nenvoyé : 3 novembre 2026 à 09:05\nde : La hotline <hotline@conseils.example.org>\nà : amelie.durand@example.org\nobjet : Votre question\n\n{OURS}"
        ),
        ANSWER,
    ),
    Case(
        "Orange, application",
        plain(
            f"{ANSWER}\n\nEnvoyé depuis l'application Mail Orange\n\nLe 3 nov. 2026 09:05, hotline@conseils.example.org a écrit :\n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "Orange, Open-Xchange",
        plain(
            f"{ANSWER}\n\n> Le 03/11/2026 09:05 CET, La hotline <hotline@conseils.example.org> a écrit :\n>\n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "Free, Zimbra, mail original",
        plain(
            f'{ANSWER}\n\n----- Mail original -----\nDe: "La hotline" <hotline@conseils.example.org>\nÀ: "Amélie Durand" <amelie.durand@example.org>\nEnvoyé: Mardi 3 Novembre 2026 09:05:12\nObjet: Votre question\n\n{OURS}'
        ),
        ANSWER,
    ),
    Case(
        "Free, Zimbra, sans séparateur",
        plain(
            f'{ANSWER}\n\nDe: "La hotline" <hotline@conseils.example.org>\nÀ: "Amélie Durand" <amelie.durand@example.org>\nEnvoyé: Mardi 3 Novembre 2026 09:05:12\nObjet: Votre question\n\n{quoted()}'
        ),
        ANSWER,
    ),
    Case(
        "Free, Roundcube",
        plain(f"{ANSWER}\n\nLe 2026-11-03 09:05, La hotline a écrit :\n{quoted()}", charset="iso-8859-1"),
        ANSWER,
    ),
    Case(
        "Roundcube, réponse dessous",
        plain(f"Le 2026-11-03 09:05, La hotline a écrit :\n{quoted()}\n\n{ANSWER}"),
        ANSWER,
    ),
    Case(
        "La Poste",
        plain(
            f"{ANSWER}\n\n> Message du 03/11/26 à 09:05\n> De : hotline@conseils.example.org\n> A : amelie.durand@example.org\n> Objet : Votre question\n>\n{quoted()}\n\nUne messagerie gratuite, garantie à vie et des services en plus, ça vous tente ?"
        ),
        ANSWER,
        hidden=(LEAK,),
        shown=(ANSWER,),
    ),
    Case(
        "SFR",
        plain(
            f'{ANSWER}\n\n========================================\nMessage du : 03/11/2026 09:05\nDe : "La hotline" <hotline@conseils.example.org>\nA : amelie.durand@example.org\nObjet : Votre question\n\n{OURS}'
        ),
        ANSWER,
    ),
    Case(
        "SFR, application",
        plain(f"{ANSWER}\n\nEnvoyé de mon mobile SFR\n\n-------- Message d'origine --------\n{OUTLOOK_BLOCK}"),
        ANSWER,
    ),
    Case(
        "iPhone",
        plain(
            f"{ANSWER}\n\nEnvoyé de mon iPhone\n\n> Le 3 nov. 2026 à 09:05, La hotline <hotline@conseils.example.org> a écrit :\n>\n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "iPhone, attribution hors citation",
        plain(
            f"{ANSWER}\n\nEnvoyé de mon iPhone\n\nLe 3 nov. 2026 à 09:05, La hotline <hotline@conseils.example.org> a écrit :\n\n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "iPhone, caractère invisible au début",
        plain(
            f"{ANSWER}\n\nEnvoyé de mon iPhone\n\n> Le 3 nov. 2026 à 09:05, La hotline a écrit :\n> \n> \ufeff\n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "iPad, HTML",
        html(
            f'<html><body dir="auto">{ANSWER}<div><br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Envoyé de mon iPad</div><div dir="ltr"><br><blockquote type="cite">Le 3 nov. 2026 à 09:05, La hotline &lt;hotline@conseils.example.org&gt; a écrit :<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">{OURS_HTML}</div></blockquote></div></body></html>'
        ),
        ANSWER,
    ),
    Case(
        "Apple Mail",
        plain(
            f"{ANSWER}\n\n> Le 3 nov. 2026 à 09:05, La hotline <hotline@conseils.example.org> a écrit :\n> \n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "Samsung",
        plain(
            f"{ANSWER}\n\n\nEnvoyé depuis mon appareil Galaxy\n\n\n-------- Message d'origine --------\nDe : La hotline <hotline@conseils.example.org>\nDate : 03/11/2026 09:05 (GMT+01:00)\nÀ : amelie.durand@example.org\nObjet : Votre question\n\n{OURS}"
        ),
        ANSWER,
    ),
    Case(
        "Samsung, HTML",
        html(
            f'<html><body><div dir="auto">{ANSWER}</div><div id="composer_signature" dir="auto"><div style="font-size:12px">Envoyé depuis mon smartphone Samsung Galaxy.</div></div><div><br></div><div style="font-size:100%"><!-- originalMessage --><div>-------- Message d\'origine --------</div><div>De : La hotline &lt;hotline@conseils.example.org&gt; </div><div>Date : 03/11/2026  09:05  (GMT+01:00) </div><div>À : amelie.durand@example.org </div><div>Objet : Votre question </div></div>{OURS_HTML}</body></html>'
        ),
        ANSWER,
    ),
    Case(
        "Thunderbird, réponse au-dessus",
        plain(f"{ANSWER}\n\nLe 03/11/2026 à 09:05, La hotline a écrit :\n{quoted()}"),
        ANSWER,
    ),
    Case(
        "Thunderbird, réponse dessous",
        plain(f"Le 03/11/2026 à 09:05, La hotline a écrit{NBSP}:\n{quoted()}\n\n{ANSWER}"),
        ANSWER,
    ),
    Case(
        "Thunderbird, HTML, réponse dessous", html(THUNDERBIRD_HTML.format(above="", below=f"<p>{ANSWER}</p>")), ANSWER
    ),
    Case(
        "Thunderbird, HTML, au-dessus et dessous",
        html(THUNDERBIRD_HTML.format(above="Bonjour,", below=f"<p>{ANSWER}</p>")),
        f"Bonjour,\n{ANSWER}",
    ),
    Case(
        "réponses dans la citation",
        plain(
            "Le 03/11/2026 à 09:05, La hotline a écrit :\n> Viendrez-vous à la réunion du conseil ?\nOui, avec deux voisines.\n> Avez-vous reçu l'ordre du jour ?\nNon, pas encore.\n> Bien à vous\n"
        ),
        "Oui, avec deux voisines.\nNon, pas encore.",
        hidden=("ordre du jour",),
    ),
    Case(
        "réponses dans la citation, HTML",
        html(
            '<div class="moz-cite-prefix">Le 03/11/2026 à 09:05, La hotline a écrit :</div><blockquote type="cite"><p>Viendrez-vous ?</p></blockquote><p>Oui, avec deux voisines.</p><blockquote type="cite"><p>Avez-vous reçu l\'ordre du jour ?</p></blockquote><p>Non, pas encore.</p>'
        ),
        "Oui, avec deux voisines.\nNon, pas encore.",
        hidden=("ordre du jour",),
    ),
    Case(
        "Proton",
        plain(
            f"{ANSWER}\n\nEnvoyé avec la messagerie sécurisée [Proton Mail](https://proton.me/).\n\nLe mardi 3 novembre 2026 à 09:05, La hotline <hotline@conseils.example.org> a écrit :\n\n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "Proton, HTML",
        html(
            f'<div>{ANSWER}</div><div class="protonmail_signature_block">Envoyé avec la messagerie sécurisée Proton Mail.</div><div class="protonmail_quote">Le mardi 3 novembre 2026 à 09:05, La hotline &lt;hotline@conseils.example.org&gt; a écrit :<br><blockquote class="protonmail_quote" type="cite">{OURS_HTML}</blockquote></div>'
        ),
        ANSWER,
    ),
    Case(
        "Yahoo",
        plain(
            f"{ANSWER}\n\n    Le mardi 3 novembre 2026 à 09:05:12 UTC+1, La hotline <hotline@conseils.example.org> a écrit :  \n \n {OURS}"
        ),
        ANSWER,
    ),
    Case(
        "Yahoo, HTML",
        html(
            f'<div>{ANSWER}</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>Le mardi 3 novembre 2026 à 09:05:12 UTC+1, La hotline &lt;hotline@conseils.example.org&gt; a écrit :</div><div>{OURS_HTML}</div></div>'
        ),
        ANSWER,
    ),
    Case(
        "Yahoo, application",
        plain(
            f"{ANSWER}\n\nEnvoyé depuis Yahoo Mail pour Android\n\nLe mar., nov. 3, 2026 à 9:05, La hotline\n<hotline@conseils.example.org> a écrit :\n{quoted()}"
        ),
        ANSWER,
    ),
    Case(
        "notre ligne, rien d'autre", plain(f"{ANSWER}\n\n---- Répondez au-dessus de cette ligne ----\n\n{OURS}"), ANSWER
    ),
    Case(
        "notre ligne, citée",
        plain(f"{ANSWER}\n\n{GMAIL}\n\n> ---- Répondez au-dessus de cette ligne ----\n>\n{quoted()}"),
        ANSWER,
    ),
    Case(
        "notre ligne, réponse dessous",
        plain(f"{GMAIL}\n\n> ---- Répondez au-dessus de cette ligne ----\n>\n{quoted()}\n\n{ANSWER}"),
        ANSWER,
    ),
    Case(
        "citation sous citation",
        plain(
            f"{ANSWER}\n\n{GMAIL}\n\n{quoted(OURS)}\n>\n{quoted('Le 2 nov. 2026 à 08:00, Amélie a écrit :')}\n{quoted(quoted('Bonjour, quand ?'))}"
        ),
        ANSWER,
    ),
    Case(
        "signature à deux tirets",
        plain(f"{ANSWER}\n\n-- \nAmélie Durand\n06 00 00 00 00\n\n{GMAIL}\n\n{quoted()}"),
        ANSWER,
        hidden=(LEAK, "06 00"),
    ),
    Case("signature sous la citation", plain(f"{ANSWER}\n\n{GMAIL}\n\n{quoted()}\n\n-- \nAmélie Durand"), ANSWER),
    Case(
        "formule, nom et téléphone",
        plain(f"{ANSWER}\n\nCordialement,\nAmélie Durand\n06 00 00 00 00\n\n{GMAIL}\n\n{quoted()}"),
        ANSWER,
    ),
    Case("sans citation", plain(f"Bonjour,\n\n{ANSWER}"), f"Bonjour,\n\n{ANSWER}"),
    Case("un mot", plain(f"Oui\n\n{OUTLOOK_BLOCK}"), "Oui"),
    Case(
        "UTF-8 annoncé ISO-8859-1",
        headers("Re: Votre question")
        + b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n"
        + f"{ANSWER} Ça marche.".encode(),
        f"{ANSWER} Ça marche.",
    ),
    Case(
        "ISO-8859-1 annoncé UTF-8",
        headers("Re: Votre question")
        + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
        + "Réunion décalée à Évry, côté gare.".encode("latin-1"),
        "Réunion décalée à Évry, côté gare.",
    ),
    Case(
        "sans Content-Type, en windows-1252",
        headers("Re: Votre question") + b"\r\n" + "L’élue viendra à 18 h.".encode("cp1252"),
        "L’élue viendra à 18 h.",
    ),
]

STORY = "Bonjour,\n\nLe 12 mars, la mairie m'a écrit :\nvotre demande est refusée.\n\nQue puis-je faire ?"
LETTER = "Madame,\n\nObjet : demande de local\nDate : lundi 9 novembre\n\nNous cherchons une salle. De : 14 h à : 16 h. Est-ce possible ?"
QUOTING = "Bonjour,\n\nLe règlement dit :\n\n> Le conseil se réunit quatre fois par an.\n\nEst-ce un minimum ?"
MINUTES = (
    "Compte rendu\nDate : 3 novembre 2026 18:00\nÀ : salle 3\nObjet : budget\nContact : a@example.org\n\nEst-ce bon ?"
)
TOLD = "Bonjour,\n\nLe 3 novembre 2026 à 10:05, la mairie a écrit :\nvous êtes convoqué.\nQue faire ?"
PASTED = f"Bonjour,\n\nVoici ce que j'ai reçu :\n\n{OUTLOOK_BLOCK}\n\nDois-je répondre ?"
UNDER_MOBILE = "Bonjour,\n\nEnvoyé de mon iPhone\n\nPS : appelez plutôt le matin, est-ce possible ?"
KEPT = [
    Case("un récit n'est pas une attribution", plain(STORY, "Question"), STORY),
    Case("un objet et une date écrits par la personne", plain(LETTER, "Question"), LETTER),
    Case("un message collé et annoncé par la personne", plain(PASTED, "Question"), PASTED),
    Case("un compte rendu avec objet, date et adresse", plain(MINUTES, "Question"), MINUTES),
    Case("un récit avec date et heure", plain(TOLD, "Question"), TOLD),
    Case("une citation voulue", plain(QUOTING, "Question"), QUOTING),
    Case("du texte sous la signature du téléphone", plain(UNDER_MOBILE, "Question"), UNDER_MOBILE),
    Case(
        "une question sous un trait",
        plain("Premier point réglé.\n\n____\nEt pour le second, qui décide ?", "Question"),
        "Premier point réglé.\n\n____\nEt pour le second, qui décide ?",
    ),
    Case(
        "une phrase sous la formule",
        plain("Merci.\n\nCordialement,\nRappelez-moi demain matin", "Question"),
        "Merci.\n\nCordialement,\nRappelez-moi demain matin",
    ),
    Case(
        "un compte rendu de dates",
        plain("Le 3 novembre 2026, nous avons voté.\nLe 4, rien.\nQui a écrit :\nle compte rendu ?", "Question"),
        "Le 3 novembre 2026, nous avons voté.\nLe 4, rien.\nQui a écrit :\nle compte rendu ?",
    ),
]

FORWARDED = "Bonjour à tous,\nLa salle est fermée jusqu'au 20 novembre.\nLe service des sports"
FORWARDS = [
    Case(
        "Gmail, transféré",
        plain(
            f"Qu'en pensez-vous ?\n\n---------- Forwarded message ---------\nDe : Service des sports <sports@ville.example.org>\nDate: lun. 2 nov. 2026 à 08:00\nSubject: Salle fermée\nTo: <amelie.durand@example.org>\n\n\n{FORWARDED}",
            "Fwd: Salle fermée",
        ),
        "",
        shown=("Qu'en pensez-vous ?", "fermée jusqu'au 20 novembre", "sports@ville"),
    ),
    Case(
        "Outlook, TR",
        plain(f"Pour information.\n\n{OUTLOOK_BLOCK}", "TR: Salle fermée"),
        "",
        shown=("Pour information", LEAK),
        hidden=(),
    ),
    Case("Outlook, TR sans un mot", plain(OUTLOOK_BLOCK, "TR: Salle fermée"), "", shown=(LEAK,), hidden=()),
    Case("Outlook, sans TR ni mot", plain(OUTLOOK_BLOCK, "Salle fermée"), "", shown=(LEAK,), hidden=()),
    Case(
        "iPhone, message réexpédié",
        plain(
            f"Voir ci-dessous\n\nEnvoyé de mon iPhone\n\nDébut du message réexpédié :\n\n> De: Service des sports <sports@ville.example.org>\n> Date: 2 novembre 2026 à 08:00\n> À: amelie.durand@example.org\n> Objet: Salle fermée\n>\n{quoted(FORWARDED)}",
            "Salle fermée",
        ),
        "",
        shown=("Voir ci-dessous", "20 novembre"),
        hidden=(),
    ),
    Case(
        "iPhone, message transféré, tout cité",
        plain(
            f"\n> Début du message transféré :\n>\n> De: sports@ville.example.org\n> Objet: Salle fermée\n>\n{quoted(FORWARDED)}",
            "Fwd: Salle fermée",
        ),
        "",
        shown=("20 novembre",),
        hidden=(),
    ),
    Case(
        "Thunderbird, message transféré",
        plain(
            f"Utile ?\n\n-------- Message transféré --------\nSujet : \tSalle fermée\nDate : \tMon, 2 Nov 2026 08:00:00 +0100\nDe : \tsports@ville.example.org\nPour : \tamelie.durand@example.org\n\n{FORWARDED}",
            "Salle fermée",
        ),
        "",
        shown=("Utile ?", "20 novembre"),
        hidden=(),
    ),
    Case(
        "Zimbra, mail transféré",
        plain(
            f"----- Mail transféré -----\nDe: sports@ville.example.org\nÀ: amelie.durand@example.org\nEnvoyé: Lundi 2 Novembre 2026 08:00:00\nObjet: Salle fermée\n\n{FORWARDED}",
            "Salle fermée",
        ),
        "",
        shown=("20 novembre",),
        hidden=(),
    ),
    Case(
        "Gmail, HTML, transféré",
        html(
            '<div dir="ltr">Qu\'en pensez-vous ?<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>De : <strong>Service des sports</strong> &lt;sports@ville.example.org&gt;<br>Date: lun. 2 nov. 2026 à 08:00<br>Subject: Salle fermée<br>To: &lt;amelie.durand@example.org&gt;<br></div><br>La salle est fermée jusqu\'au 20 novembre.</div></div>',
            "Fwd: Salle fermée",
        ),
        "",
        shown=("Qu'en pensez-vous", "20 novembre"),
        hidden=(),
    ),
    Case("citation seule, sans un mot", plain(f"{GMAIL}\n\n{quoted()}"), "", shown=(LEAK,), hidden=()),
]


def machine(
    subject: str, text: str, extra: str = "", sender: str = "Amélie Durand <amelie.durand@example.org>"
) -> bytes:
    base = headers(subject, sender, extra)
    return base + part(text)


def report(
    sender: str, subject: str, text: str, status: str, address: str, action: str = "failed", code: str = "550"
) -> bytes:
    head = headers(subject, sender).replace(b"<amelie.durand@example.org>\r\nFrom", b"<>\r\nFrom")
    delivery = (
        f"Reporting-MTA: dns; mx.example.org\r\nArrival-Date: Tue, 3 Nov 2026 10:00:00 +0100\r\n\r\nFinal-Recipient: rfc822; {address}\r\n"
        f"Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {code} {status} <{address}>: refus\r\n"
    )
    original = f"Message-ID: <k7f3q9.17@conseils.example.org>\r\nFrom: {FROM}\r\nTo: {address}\r\nSubject: Votre question\r\n\r\n"
    return b"".join(
        [
            head,
            b'Content-Type: multipart/report; report-type=delivery-status; boundary="=_r"\r\n\r\n--=_r\r\n',
            part(text),
            b"\r\n--=_r\r\nContent-Type: message/delivery-status\r\n\r\n",
            delivery.encode(),
            b"\r\n--=_r\r\nContent-Type: text/rfc822-headers\r\n\r\n",
            original.encode(),
            b"\r\n--=_r--\r\n",
        ]
    )


AWAY = "Bonjour,\n\nJe suis absente jusqu'au 16 novembre. Pour toute urgence, écrivez à accueil@ville.example.org.\n\nAmélie"
MACHINES = [
    Case("Outlook, réponse automatique", machine("Réponse automatique : Votre question", AWAY), "", kind="auto"),
    Case(
        "Exchange, en-têtes seuls",
        machine("Votre question", AWAY, "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"),
        "",
        kind="auto",
    ),
    Case("absence du bureau", machine("Absence du bureau : Votre question", AWAY), "", kind="auto"),
    Case("je suis absente jusqu'au", machine("Je suis absente jusqu'au 16 novembre", AWAY), "", kind="auto"),
    Case("je suis absent(e) jusqu'au", machine("Je suis absent(e) jusqu'au 16/11", AWAY), "", kind="auto"),
    Case("message automatique", machine("Message automatique", AWAY), "", kind="auto"),
    Case(
        "répondeur d'un hébergeur",
        machine("Re: Votre question", AWAY, "X-Autoreply: yes\r\nPrecedence: auto_reply\r\n"),
        "",
        kind="auto",
    ),
    Case(
        "répondeur, sujet repris",
        machine("Re: Votre question", AWAY, "Auto-Submitted: auto-replied (vacation)\r\n"),
        "",
        kind="auto",
    ),
    Case("absence, sans en-tête ni sujet", machine("Re: Votre question", AWAY), "", kind="auto"),
    Case("congés", machine("En congés jusqu'au 16 novembre Re: Votre question", AWAY), "", kind="auto"),
    Case(
        "accusé de réception",
        machine("Accusé de réception : votre demande", "Nous avons bien reçu votre message."),
        "",
        kind="auto",
    ),
    Case(
        "lettre d'information",
        machine(
            "Les sorties de novembre",
            "Le programme",
            "List-Unsubscribe: <mailto:stop@example.org>\r\nPrecedence: bulk\r\n",
        ).replace(b"In-Reply-To: <k7f3q9.17@conseils.example.org>\r\n", b""),
        "",
        kind="bulk",
    ),
    Case(
        "Postfix",
        report(
            "Mail Delivery System <MAILER-DAEMON@mx.example.org>",
            "Undelivered Mail Returned to Sender",
            "Votre message n'a pas pu être remis.",
            "5.1.1",
            "parti@example.org",
        ),
        "",
        kind="bounce",
    ),
    Case(
        "Exchange, non remis",
        report(
            "Microsoft Outlook <postmaster@ville.example.org>",
            "Non remis : Votre question",
            "Échec de la remise à ces destinataires ou groupes : parti@example.org",
            "5.1.10",
            "parti@example.org",
        ),
        "",
        kind="bounce",
    ),
    Case(
        "Orange, boîte pleine",
        report(
            "MAILER-DAEMON@smtp.example.org <MAILER-DAEMON@smtp.example.org>",
            "Échec de la remise",
            "La boîte du destinataire est pleine.",
            "4.2.2",
            "parti@example.org",
            code="452",
        ),
        "",
        kind="bounce",
    ),
    Case(
        "retard de remise",
        report(
            "Mail Delivery System <MAILER-DAEMON@mx.example.org>",
            "Retard de remise",
            "Nous réessaierons.",
            "4.4.1",
            "parti@example.org",
            action="delayed",
            code="421",
        ),
        "",
        kind="bounce",
    ),
    Case(
        "sans rapport, en français",
        machine(
            "Message non remis",
            "Votre message n'a pas pu être remis à <parti@example.org>.\n550 5.1.1 utilisateur inconnu",
            sender="Postmaster <postmaster@ville.example.org>",
        ),
        "",
        kind="bounce",
    ),
]
PEOPLE = [
    Case(
        "une personne parle d'absence",
        machine("Absence de chauffage dans la salle", "Bonjour, la salle est froide. Qui appeler ?"),
        "",
        kind="human",
    ),
    Case(
        "une personne absente à la réunion",
        machine("Réunion du 12", "Bonjour, je serai absente le 12. Puis-je donner pouvoir ?"),
        "",
        kind="human",
    ),
    Case(
        "une personne sur une liste",
        machine(
            "Re: [conseil] Ordre du jour",
            "D'accord avec vous.",
            "List-Id: <conseil.example.org>\r\nList-Unsubscribe: <mailto:x@example.org>\r\nPrecedence: list\r\n",
        ),
        "",
        kind="human",
    ),
    Case(
        "une personne dont un message est revenu",
        machine("Mon message n'est pas arrivé", "Bonjour, j'ai reçu « Undelivered Mail ». Que faire ?"),
        "",
        kind="human",
    ),
    Case(
        "une personne qui n'automatise rien",
        machine("Re: Votre question", "Je ne suis pas absente, je viendrai.", "Auto-Submitted: no\r\n"),
        "",
        kind="human",
    ),
    Case(
        "une personne en congé demande",
        machine("Re: Votre question", "Bonjour, je suis en congés jusqu'au 16. La réunion est-elle maintenue ?"),
        "",
        kind="human",
    ),
]
