"""What mail programs write around a person's words, as data: attributions, header blocks, separators, signatures."""

import re

MARKER = "---- Répondez au-dessus de cette ligne ----"


def words(text: str) -> tuple[str, ...]:
    """Split a table written one entry a line, or several separated by a bar."""
    return tuple(word.strip() for line in text.splitlines() for word in line.split("|") if word.strip())


def any_of(entries: tuple[str, ...]) -> str:
    """A regular expression that matches any entry, longest first; blanks match any run of blanks."""
    ordered = sorted(entries, key=len, reverse=True)
    return "(?:" + "|".join(r"\s+".join(map(re.escape, entry.split())) for entry in ordered) + ")"


# "Answer above this line": ours, and those of the help desks whose mails get forwarded to us.
ABOVE = re.compile(
    r"""(?ix)^[\W_]*(?:[^\W\d_]+\W+){0,6}?
    (?: (?:répond\w*|écri\w+)\b.{0,30}\b(?:au[- ]dessus|ci-dessus)\ de\ (?:cette|la)\ ligne
      | (?:reply|respond|type|write|answer)\b.{0,40}\babove\ (?:this|the)\ (?:\w+\ )?line
      | (?:antwort|schreib)\w*\b.{0,40}\b(?:oberhalb|über)\ (?:von\ )?dieser\ (?:zeile|linie)
      | (?:gib|bitte)\b.{0,40}\boberhalb\ dieser\ zeile
      | (?:respond|escrib|contest)\w*\b.{0,40}\b(?:encima|arriba)\ de\ esta\ línea
      | (?:respond|escrev)\w*\b.{0,40}\bacima\ desta\ linha
      | (?:rispond|scriv)\w*\b.{0,40}\bsopra\ (?:a\ )?questa\ (?:riga|linea)
      | (?:antwoord|typ|reageer)\w*\b.{0,40}\bboven\ deze\ (?:regel|lijn)
      | (?:svar|skriv)\w*\b.{0,40}\b(?:ovanför|över|over|ovenfor)\ den(?:ne|na)\ (?:rad\w*|linje\w*)
      | (?:odpowie|odpisz|napisz)\w*\b.{0,40}\b(?:nad|powyżej)\ t\w+\ lini\w+
    )\b[^\n]{0,60}$"""
)

# ---------------------------------------------------------------- header blocks: De : / Envoyé : / À : / Objet :
LABELS: dict[str, tuple[str, ...]] = {
    "from": words(
        """From | De | Expéditeur | Von | Absender | Da | Mittente | Van | Afzender | Od | Nadawca | От | От кого
        Від
        Fra | Från | Avsändare | Afsender | Lähettäjä | Feladó | De la | Expeditor | Expeditorul | Gönderen | Kimden
        Remitente | Remetente | Remitent | Odesílatel | Odosielateľ | Pošiljatelj | Šalje | Saatja | Από
        发件人 | 寄件者 | 寄件人 | 差出人 | 보낸 사람 | 보낸사람 | Từ | מאת | من"""
    ),
    "sent": words(
        """Sent | Date sent | Sent at | Envoyé | Envoyée | Envoyé le | Envoyé à | Date d'envoi | Date d’envoi
        Gesendet | Gesendet am | Inviato | Inviata | Data invio | Verzonden | Verzonden op | Wysłano | Отправлено
        Надіслано
        Sendt | Skickat | Lähetetty | Elküldve | Küldve | Enviado | Enviado el | Enviado em | Enviada | Enviada em
        Trimis
        Gönderildi | Gönderilme | Gönderim Tarihi | Odesláno | Odoslané | Poslano | Saadetud | Data de envio
        Data d'enviament | Fecha de envío | 发送时间 | 寄件日期 | 送信日時 | 보낸 날짜 | Đã gửi"""
    ),
    "date": words(
        """Date | Datum | Data | Дата | Dato | Päivämäärä | Päiväys | Dátum | Fecha | Dată | Tarih | Ημερομηνία
        日期 | 日付
        날짜 | Ngày | תאריך | التاريخ"""
    ),
    "to": words(
        """To | À | A | Pour | Destinataire | Destinataires | An | Empfänger | Per | Destinatario | Aan | Do | Adresat
        Кому | Til | Till | Vastaanottaja | Saaja | Címzett | Către | Catre | Destinatar | Destinatarul | Kime | Alıcı
        Para | Destinatário | Komu | Pre | Za | Prima | Primatelj | Προς | 收件人 | 宛先
        받는 사람 | 받는사람 | Đến | אל | إلى"""
    ),
    "cc": words(
        """Cc | Cci | Bcc | Cco | Ccn | Copie | Copie à | Copie cachée | Kopie | Kopie an | Kopia | Kopi | Kopio
        DW | UDW
        Копия | Копія | Másolatot kap | Másolat | Bilgi | Kópia | Kopija | Blindkopie | Copia | Copia per conoscenza
        Con copia | Cópia | Kk | 抄送 | 副本 | 참조 | Másodpéldány"""
    ),
    "subject": words(
        """Subject | Objet | Sujet | Betreff | Oggetto | Onderwerp | Temat | Тема | Emne | Ämne | Aihe | Otsikko
        Tárgy
        Subiect | Subiectul | Konu | Asunto | Assunto | Předmět | Predmet | Naslov | Assumpte | Teema | Θέμα
        主题 | 主旨 | 件名 | 제목 | Chủ đề | נושא | الموضوع"""
    ),
    "other": words(
        """Reply-To | Répondre à | Antwort an | Risposta | Rispondi a | Responder a | Antwoord naar | Odpowiedź do
        Svar till | Svar til | Vastausosoite | Válaszcím | Ответить | Yanıt Adresi | Yanıtla | Odgovori na
        Odpovědět komu
        Odpovedať | Ответ-Кому | Відповісти | Répondre-à | Răspuns către | Importance | Importanza | Importância
        Wichtigkeit | Priorität | Priorité | Priority | Prioridad | Urgent | Attachments | Pièces jointes
        Pièce jointe | PJ | Anlagen | Anhänge | Allegati | Bijlagen | Organization | Organisation | Sender
        Resent-From | Sensitivity | Newsgroups | Flag status | Categories | Catégories | Message-ID
        Listes de diffusion"""
    ),
}
ROLE = {" ".join(label.casefold().split()): role for role, labels in LABELS.items() for label in labels}
_LABEL = any_of(tuple(label for labels in LABELS.values() for label in labels))
LABEL_LINE = re.compile(rf"(?i)^[\s>|*_•]*\[?({_LABEL})\s?[*_]*\s?[:：][*_]*(?=\s|\S)(.*)$")
# In a block run on in one line the labels keep their capital; a bare "a:" inside a sentence is not one.
LABEL_INLINE = re.compile(rf"(?:^|(?<=[\s>*]))\*?({_LABEL})\s?\*?\s?[:：](?=\s)")
RUN_ON = re.compile(
    r"(?:^|(?<=\s))\*?(?:De|From|Von|Da|Van|Od)\*?\s?:\*?\s(?=.{3,200}?\s\*?(?:Envoyé|Envoyée|Sent|Date|"
    r"Gesendet|Inviato|"
    r"Verzonden|Wysłano|Enviado)(?:\sle)?\*?\s?:)"
)
# Orange, La Poste: "> Message du 03/11/26 10:05"; SFR: "Message du : 03/11/2026 10:05".
MESSAGE_OF = re.compile(
    r"(?i)^[\s>*=_-]*message (?:du|d'origine du|envoyé le)\s?:?\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b.{0,40}$"
)

# ---------------------------------------------------------------- separators: -------- Message d'origine --------
MAIL_WORDS = words(
    """message | messages | mail | mails | e-mail | email | courriel | courrier | nachricht | mitteilung | messaggio
    mensaje | mensagem | bericht | wiadomość | wiadomości | сообщение | сообщения | повідомлення | письмо | письма
    meddelande | meddelelse | melding | viesti | üzenet | mesaj | mesajul | ileti | iletisi | zpráva | správa | poruka
    missatge | 邮件 | 郵件 | 메시지 | 메일 | メッセージ"""
)
FORWARD_WORDS = words(
    """forwarded | forward | fwd | transféré | transférée | transfére | transmis | transmise | réexpédié | renvoyé
    suivi
    faire suivre | weitergeleitet | weitergeleitete | inoltrato | inoltrata | reenviado | reenviada | encaminhada
    encaminhado | doorgestuurd | doorgestuurde | vidarebefordrat | vidarebefordrade | videresendt | videresendte
    videresendte | videresent | przekazana | przekazano | przesłana | dalej | przekazywana | пересылаемое
    пересланное
    пересылаемого | пересланного | перенаправленное | переслане | пересилається | välitetty | edelleenlähetetty
    välitettävä | továbbított | redirecționat | redirectionat | transmis mai departe | redirecţionat | yönlendirilen
    iletilen | iletilmiş | přeposlaná | přeposílaná | přeposlané | preposlaná | preposielaná | preposlanej
    proslijeđena
    proslijeđeno | proslijeđene | reenviat | 转发的 | 转发 | 轉寄 | 転送 | 전달된"""
)
ORIGINAL_WORDS = words(
    """original | origine | originale | initial | d'origine | d’origine | reply | réponse | ursprüngliche | urspr.
    original-
    originalnachricht | originele | oorspronkelijk | oorspronkelijke | origineel | oryginalna | исходное
    оригинальное
    оригинал | оригінальне | ursprungligt | ursprungligen | oprindelig | opprinnelig | alkuperäinen | eredeti
    orijinal
    asıl | özgün | původní | pôvodná | originální | izvorna | originalna | antwort | antwoord | svar | ответ
    original
    原始 | 原始邮件 | 元の | 원본 | quoted | cité"""
)
# What stands between the dashes of a separator, which is told apart by two words: a mail, and what became of it.
RULED = re.compile(r"^[\s>*]*[-–—_=]{2,}[-–—_=\s*]*([^\s\-–—_=*][^\n]{2,69}?)[\s*]*[-–—_=]{2,}[-–—_=\s*]*$")
IS_MAIL = re.compile(r"(?i)" + any_of(MAIL_WORDS))
IS_FORWARD = re.compile(r"(?i)" + any_of(FORWARD_WORDS))
IS_ORIGINAL = re.compile(r"(?i)" + any_of(ORIGINAL_WORDS))
ORIGINAL_ALONE = re.compile(r"(?i)^(?:original(?:nachricht|meddelande)?|ursprüngliche\s+e-?mail)$")
FORWARD_LINE = re.compile(
    r"(?i)^[\s>*_-]*"
    + any_of(
        words(
            """Begin forwarded message | Début du message réexpédié | Début du message transféré | Message transféré
            Message réexpédié | Message transmis | Début du message transmis | Forwarded message
            Anfang der weitergeleiteten Nachricht
            Anfang der weitergeleiteten E-Mail | Weitergeleitete Nachricht | Inizio messaggio inoltrato
            Inizio del messaggio inoltrato
            Messaggio inoltrato | Inicio del mensaje reenviado | Mensaje reenviado | Início da mensagem encaminhada
            Início da mensagem reencaminhada | Mensagem encaminhada | Mensagem reencaminhada | Mensagem reenviada
            Begin doorgestuurd bericht | Doorgestuurd bericht | Vidarebefordrat meddelande | Vidarebefordrat brev
            Start på videresendt meddelelse | Videresendt meddelelse | Start på videresendt besked
            Videresendt besked
            Begynn videresendt melding | Begynnelse på videresendt melding | Videresendt melding | Videresendt
            Początek przekazywanej wiadomości | Wiadomość przekazana dalej | Przekazana wiadomość
            Treść przekazanej wiadomości
            Начало переадресованного сообщения | Пересылаемое сообщение | Пересланное сообщение
            Начало пересылаемого сообщения
            Початок листа, що пересилається | Переслане повідомлення | Переслане сообщение
            Початок переадресованого повідомлення
            Välitetty viesti alkaa | Välitetty viesti | Välitetty viesti alkoi | Edelleenlähetetty viesti
            Továbbított levél kezdete | Továbbított üzenet | Továbbított üzenet kezdete | Továbbított levél
            Începe mesajul redirecționat | Mesaj redirecționat | Mesajul redirecționat
            Inceputul mesajului redirectionat
            İleti başlangıcı | İletilmiş ileti başlangıcı | Yönlendirilen ileti | İletilen mesaj | İleti
            Začátek přeposílané zprávy | Přeposlaná zpráva | Začiatok preposlanej správy | Preposlaná správa
            Započni proslijeđenu poruku | Početak proslijeđene poruke | Proslijeđena poruka
            Inici del missatge reenviat
            下面是被转发的邮件 | 以下為被轉寄的郵件 | 転送されたメッセージ | 전달된 메시지 시작"""
        )
    )
    + r"\s?[:：]?[\s*_-]*$"
)
FORWARD_SUBJECT = re.compile(
    r"(?i)^\s*(?:\[[^\]]{1,40}\]\s*)?(?:TR|FW|FWD|WG|I|RV|ENC|VB|VS|VL|PD|PT|Továbbítás|İLT|DOORST|FS|转发|轉寄|"
    r"転送)\s?[:：]"
)

# ---------------------------------------------------------------- attributions: Le mar. 3 nov. 2026 à 10:12, X a écrit
VERBS = words(
    """wrote | writes | sent | replied | said | schrieb | schreibt | hat geschrieben | a écrit | a écrit | écrit
    écrivait
    écrivit | a envoyé | avez écrit | a répondu | ha scritto | scrive | ha inviato | escribió | escribio | ha escrito
    ha escrit | va escriure | escreveu | escreve | schreef | geschreven | het volgende geschreven | skrev | følgende
    følgende | napisał | napisała | napisał(a) | napisał/a | pisze | napisali | написал | написала | написал(а)
    пишет
    писал | писала | написав | написала | пише | kirjoitti | lähetti | írta | írja | ezt írta | a scris | a trimis
    scris
    yazdı | şunları yazdı | tarihinde | napsal | napsala | napsal(a) | napísal | napísala | napísal(a) | píše
    napisao
    napisala | je napisao | je napisao/la | piše | έγραψε | 写道 | 寫道 | 提到 | のメッセージ | 書きました
      | 작성 | 님이 작성 | đã viết
    menulis | shkroi | rašė | rakstīja | kirjutas | va scriure | כתב | كتب | a écris | følgende"""
)
VERB = re.compile(
    rf"(?i)(?:(?<![\w']){any_of(tuple(v for v in VERBS if v[0].isascii() or v[0].isalpha()))}(?!\w)|写道|寫道|"
    rf"のメッセージ|작성)"
)
# "Le 12 mars, la mairie m'a écrit :" is a person telling a story; so is "je lui ai écrit".
TOLD = re.compile(
    r"(?i)\b(?:m|t|nous|vous|lui|leur|ai|avons|ont)['’\s]+(?:(?:a|ont|avait|avaient|as|ai)\s+)?(?:écrit|envoyé|"
    r"répondu)\b(?<!vous avez écrit)"
)
OPENERS = words(
    """On | At | In | Le | Am | Den | Dem | El | Il | Op | Em | Em | Il giorno | In data | Dnia | W dniu | Dne
    Dňa | Dana | U | Vào
    Vào ngày | Ngày | La | Pe | În data | La data de | Në | Em data | A | Az | Lúc | Kl. | kl | om | Il dì
    Vào lúc | Pada
    På | I | 在 | 于 | 於 | Στις | Kuupäeval | Den dag | Dag | Am Tag | Around | Date | O dia | No dia | Às"""
)
DAYS = words(
    """mon | tue | wed | thu | fri | sat | sun | monday | tuesday | wednesday | thursday | friday | saturday | sunday
    lun | mar | mer | jeu | ven | sam | dim | lundi | mardi | mercredi | jeudi | vendredi | samedi | dimanche
    mo | di | mi | do | fr | sa | so | montag | dienstag | mittwoch | donnerstag | freitag | samstag | sonntag
    sonnabend
    gio | sab | dom | lunedì | martedì | mercoledì | giovedì | venerdì | sabato | domenica
    lunes | martes | miércoles | jueves | viernes | sábado | domingo | mié | jue | vie | sáb | seg | ter | qua
    qui | sex
    segunda-feira | terça-feira | quarta-feira | quinta-feira | sexta-feira | ma | wo | vr | za | zo | maandag
    dinsdag
    woensdag | donderdag | vrijdag | zaterdag | zondag | man | tir | ons | tor | tors | fre | lør | lör | søn
    sön | mandag
    tirsdag | onsdag | torsdag | fredag | lørdag | søndag | måndag | tisdag | lördag | söndag | tis
    pon | wt | śr | czw | pt | sob | niedz | poniedziałek | wtorek | środa | czwartek | piątek | sobota
    niedziela | środę
    пн | вт | ср | чт | пт | сб | вс | нд | понедельник | вторник | среда | четверг | пятница | суббота | воскресенье
    понеділок | вівторок | середа | четвер | п'ятниця | субота | неділя | среду | пятницу | субботу
    ma | ti | ke | to | pe | la | su | maanantai | tiistai | keskiviikko | torstai | perjantai | lauantai | sunnuntai
    h | k | sze | cs | p | szo | v | hétfő | kedd | szerda | csütörtök | péntek | szombat | vasárnap
    joi | vin | dum | mie | luni | marți | miercuri | vineri | sâmbătă | duminică | pzt | sal | çar | per | cum
    cmt | paz
    po | út | st | čt | pá | so | ne | ut | št | pi | pondělí | úterý | středa | čtvrtek | pátek | sobota | neděle"""
)
MONTHS = words(
    """jan | feb | mar | apr | may | jun | jul | aug | sep | sept | oct | nov | dec | january | february | march
    april | june
    july | august | september | october | november | december | janv | févr | fév | mars | avr | avril | mai
    juin | juil
    août | déc | janvier | février | juillet | septembre | octobre | novembre | décembre"""
)
_LEAD = any_of(OPENERS) + r"\b\s*|" + any_of(DAYS) + r"\b[.,]*\s*|" + any_of(MONTHS) + r"\b[.,]*\s*"
DATED = re.compile(rf"(?i)^[\s>*_\-–—|﻿]*(?:{_LEAD}|[,，]\s*){{0,5}}[(\[]?\d{{1,4}}(?!\w*@)")
WEEKDAY_ONLY = re.compile(rf"(?i)^[\s>*_\-–—|]*{any_of(OPENERS)}\s+{any_of(DAYS)}\b[.,]")
NAMED = re.compile(r"""(?ix)^[\s>*_\-–—|]*["'«„“]?[^<>@:;?!\n]{0,70}?["'»”]?\s*
    (?:via\s[^<>@\n]{1,40})?[<(\[]\s?(?:mailto:)?[^\s<>()@]+@[^\s<>()@]+\s?[>)\]][\s,]*""")
BARE_NAMED = re.compile(
    r"(?i)^[\s>*_]*[-–—]{2,}\s*[^<>@:;?!\n]{2,60}?\s(?:wrote|a écrit|schrieb|escribió|ha scritto|skrev|"
    r"schreef)\s?:?\s*[-–—]{2,}\s*$"
)
ISO_DATED = re.compile(
    r"^\s*\d{4}\s?[-/.]\s?\d{1,2}\s?[-/.]\s?\d{1,2}\b.{0,120}?(?:<[^<>\s]*\s?[^<>\s]+@[^<>\s]+\s?>\s?:?|"
    r"GMT[+-]\d\d:?\d\d\s[^.!?]{2,60})\s*$"
)
CLOCK = re.compile(r"(?i)(?<!\d)\d{1,2}\s?(?:[:.]\s?\d{2}(?:[:.]\d{2})?|h\s?\d{2}|\s?[ap]\.?m\b)(?!\d)")
ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'@]+@[^\s<>()\[\],;:\"'@]+")
YOU_WROTE = re.compile(r"(?i)\b(?:you\s+wrote|vous\s+avez\s+écrit|tu\s+as\s+écrit)\s*:?\s*$")
SHARED_LINE = re.compile(r"(?<=\S[\s-])(?:On|Le|Am|El|Il|Den|Op)\s(?=.{0,24}?\d)")

# ---------------------------------------------------------------- signatures
DEVICES = (
    r"(?:i-?phone|i-?pad|i-?pod|android|samsung|galaxy|huawei|xiaomi|redmi|honor|oppo|pixel|nokia|htc|lg\b|sony|"
    r"xperia|motorola|"
    r"blackberry|black\s?berry|windows|outlook|mobile|mobil\w*|smart\s?phone|smartphone|téléphone|phone|handy|"
    r"tablet\w*|"
    r"tablette|portable|cell|yahoo|gmail|mail\w*|messagerie|courrier|courriel|proton\w*|orange|la\s?poste|"
    r"laposte|sfr|free|"
    r"bouygues|apple|watch|mac|thunderbird|k-9|fairemail|spark|airmail|sparrow|mailbox|telefon\w*|móvil|celular|"
    r"dispositivo|"
    r"appareil|aol|ti-85|bluemail|zimbra|telegram|hey|superhuman|newton|tutanota|tuta|infomaniak|ionos|web\.de|"
    r"gmx|verizon|"
    r"alcatel|oneplus|poco|realme|vivo|wiko|fairphone|gerät|enhet|laite|urządzenia|телефона|устройства|teléfono)"
)
_SENT = any_of(
    words(
        """Sent from | Sent via | Sent with | Sent by | Sent using | Envoyé de | Envoyé depuis | Envoyé à partir
        Envoyée de | Envoyée depuis
        Envoyé avec | Envoyé par | Envoyé via | Envoyé grâce | Message envoyé | Mail envoyé | E-mail envoyé
        Courriel envoyé
        Expédié de | Expédié depuis | Gesendet von | Gesendet mit | Gesendet aus | Von meinem | Von meiner
        Diese Nachricht wurde von
        Inviato da | Inviato dal | Inviato con | Enviado desde | Enviado do | Enviado de | Enviado a través
        Enviado com
        Enviado con | Verzonden vanaf | Verzonden met | Verzonden via | Verstuurd vanaf | Verstuurd via
        Wysłane z | Wysłano z
        Отправлено с | Отправлено из | Надіслано з | Sendt fra | Sendt via | Skickat från | Lähetetty | Küldve
        Elküldve | Trimis de pe | Trimis de | Odesláno z | Odoslané z | Poslano s | Getypt op | Skickades från
        Enviat des
        Provenance | Email sent from | Typed on | Scritto da | Écrit depuis | Rédigé depuis | Tapé sur"""
    )
)
MOBILE = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"^[\W_]{{0,6}}{_SENT}\W+(?:\S+\s+){{0,4}}?\S{{0,12}}?{DEVICES}[^?]{{0,90}}$",
        rf"^[\W_]{{0,6}}{_SENT}\W+(?:\S+\s*){{1,4}}$",
        r"^[\W_]{0,6}(?:Get|Download|Télécharge[rz]|Obtenir|Obtenez|Installer|Holen Sie sich|Laden Sie|Scarica|"
        r"Ottieni|Obtener|Obtenha|Download)"
        r"\W+(?:\S+\s+){0,3}?\[?(?:Outlook|BlueMail|Yahoo|Proton\w*|Spark|l'application)\b.{0,120}$",
        r"^[\W_]{0,6}(?:sent|envoyé|gesendet)\b.{0,30}\b(?:galaxy|mobile|iphone)\W*$",
        r"^(?:\w+\s){0,3}from (?:my )?(?:mobile|i-?phone|cell|phone)\b.{0,12}$",
        r"^[從从自].{0,20}(?:傳送|发送|發送|傳送的|寄出).{0,5}$",
        r"^(?:iPhone|iPad)から送信.{0,5}$",
        r"^(?:나의 )?(?:iPhone|iPad)에서 보냄.{0,5}$",
        r"^Diese Nachricht wurde von .{0,80}gesendet\.?$",
        r"^Von (?:meine\w+ )?.{0,40} gesendet\.?$",
        r"^(?:iPhone|iPad|Android)\w*(?:'?ımdan|imdan|dan|den) gönderildi.{0,5}$",
    )
)
# Checkers of viruses and providers' slogans, below what a person wrote.
FOOTER = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"^[\W_]*(?:Garanti sans virus|Sans virus|Virus-free|Virenfrei|Libre de virus)\b.{0,80}$",
        r"^[\W_]*(?:L'absence de virus dans ce courrier|This email has been (?:checked|scanned)|"
        r"Cet e-?mail a été vérifié|"
        r"Ce courrier électronique ne contient aucun virus)\b.{0,160}$",
        r"^[\W_]*(?:Une messagerie gratuite|Garantie à vie et des services en plus|"
        r"Accédez au courrier électronique de La Poste|"
        r"Je crée ma boîte mail)\b.{0,160}$",
    )
)
# Formulas that close a letter, alone on their line. English ones are left: "Thanks," and "Best," also open sentences.
CLOSING = re.compile(
    r"(?i)^\s*(?:(?:bien |très |sincèrement |avec mes salutations )?(?:cordialement|amicalement)(?: (?:vôtre|"
    r"à vous))?|cdlt|cdt|bien à vous|"
    r"salutations (?:distinguées|cordiales)|sincères salutations|respectueusement|"
    r"(?:med )?(?:venlig|vennlig|vänlig|venlige|vennlige|vänliga) (?:hilsen|hilsner|hälsning(?:ar)?)|"
    r"med (?:venlig|vennlig|vänlig) (?:hilsen|hälsning)|kh|mvh|vh|hilsen|hälsningar|bästa hälsningar|"
    r"met vriendelijke groet(?:en)?|vriendelijke groet(?:en)?|mvg|groeten|groetjes|pozdrawiam|z poważaniem|"
    r"serdecznie pozdrawiam)\s?[,.!]?\s*$"
)
NAME = re.compile(
    r"^(?:[^\W\d_a-zà-öø-ÿ][\w'’.-]*|d['’][^\W\d_]\w+|de|du|des|la|le|van|von|"
    r"et)(?:\s(?:[^\W\d_a-zà-öø-ÿ][\w'’.-]*|de|du|des|la|le|van|von|et)){0,3},?$"
)
CONTACT = re.compile(
    r"^(?:(?:tél|tel|mob|port|gsm|fax|mobile|téléphone|portable)\w*\.?\s?:?\s?)?\+?[\d\s().-]{8,20}$|^\S+@\S+$|"
    r"^(?:https?://|www\.)\S+$",
    re.I,
)
SLASHED_NAME = re.compile(r"^/[^\W\d_a-zà-öø-ÿ]\w+$")
SIGNATURE_RULE = re.compile(r"^\s*(?:[-–]{2}|—|_{2,}|[-–]{2} ?[-–]{0,2})\s*$")
ORNAMENT = re.compile(r"^[\s\-_=*#~+.—–·•ᐧ|]*$")

# ---------------------------------------------------------------- machines
AUTO_SUBJECT = re.compile(
    r"""(?ix)^\W*(?:(?:re|sv|aw|r|tr)\s?:\s*)?(?:
        réponse\s+automati(?:que|sée) | réponse\s+auto\b | message\s+automatique\b | répondeur\b
      | (?:message\s+d['’])?absence\s+(?:du\s+bureau|temporaire|de\s+(?:m\.|mme|votre)) | message\s+d['’]absence
      | absent(?:e|\(e\))?\s+(?:du\s+bureau|jusqu|du\s+\d|pour) | avis\s+d['’]absence
            | notification\s+d['’]absence | absence\s*(?::|$)
      | je\s+suis\s+(?:actuellement\s+)?absente?(?:\(e\))?\b | je\s+suis\s+(?:actuellement\s+)?en\s+congés?\b
      | (?:actuellement\s+)?en\s+congés?\s+(?:jusqu|du|annuels?) | (?:actuellement\s+)?hors\s+du\s+bureau
      | accusé\s+(?:de\s+réception|de\s+lecture) | confirmation\s+de\s+(?:lecture|réception)
            | indisponib(?:le|ilité)\s+(?:jusqu|du)
      | out\s+of\s+(?:the\s+)?office | out-of-office | automatic\s+(?:reply|response)
            | auto(?:mated)?[-\s]?(?:reply|response|respon[ds]er|antwort)
      | autoreply | autoresponse | vacation\s+(?:reply|message|response) | away\s+(?:from|notice)
            | on\s+(?:vacation|leave)\s+until
      | abwesenheits(?:notiz|nachricht|mitteilung)?\b | abwesend\b | automatische\s+(?:antwort|beantwortung)
      | risposta\s+automatica | fuori\s+(?:sede|ufficio) | respuesta\s+automática | fuera\s+de\s+(?:la\s+)?oficina
      | resposta\s+automática | ausência | automatisch\s+antwoord | afwezig(?:heid)? | autosvar
            | automatisk\s+(?:svar|svarsmelding)
      | frånvarande | automatyczna\s+odpowied | \[automatyczna | автоответ | automaattinen\s+vastaus
            | automatikus\s+válasz
      | otomatik\s+yanıt | read:\s | lu\s?:\s | gelesen:\s | 自动回复 | 自動応答 | 不在
    )"""
)
AUTO_TAIL = re.compile(
    r"(?i)\((?:automatic|automated|auto)[-\s](?:response|reply)\)\s*$|\bréponse automatique\s*\)?\s*$|"
    r"\bout of office\b"
)
AUTO_BODY = re.compile(
    r"""(?ix)^\W*(?:bonjour[\w\s,.!]{0,30}\s+)?(?:
        je\s+suis\s+(?:actuellement\s+)?(?:absente?|en\s+congés?|en\s+vacances)(?:\(e\))?\s+(?:jusqu|du\s+\d|et\s+)
      | (?:ceci|ce\s+message)\s+est\s+(?:un\s+message|une\s+réponse|généré|envoyé)\s*\w*\s*automati
      | ce\s+message\s+est\s+automatique
      | i\s+am\s+(?:currently\s+)?out\s+of\s+(?:the\s+)?office
      | your\s+message\s+was\s+received\s+at\s .{0,60}$
      | this\s+is\s+an\s+(?:automated|automatic|auto)\b
    )"""
)
BOUNCE_SUBJECT = re.compile(
    r"""(?ix)^\W*(?:(?:re|fw|fwd)\s?:\s*)?(?:\[[^\]]{1,30}\]\s*)?(?:
        undeliver(?:able|ed)\b
              | mail\s+(?:could\s+not\s+be\s+delivered|delivery\s+(?:failed|failure|error|problem|subsystem
          |system|status|report))
      | (?:mail|message)?\s*delivery\s+(?:status\s+)?(?:notification|failure|has\s+failed|report|unsuccessful
          |problems?|failed|incomplete|error)
      | returned\s+(?:mail|e-?mail|message) | failure\s+(?:notice|delivery)
            | delivery\s+(?:status|delay|delayed|issue)
      | delayed\s+mail | warning:\s+(?:could\s+not\s+send|message)\b.{0,40}
            | non[-\s]?(?:delivery|remis|delivered|distribu)\w*\b | (?:mail|message)\s+not\s+delivered
      | (?:mail|message|e-?mail)\s+(?:delivery\s+)?(?:failure|failed|error|rejected|bounced|returned
          |undeliverable|non\s+remis)
      | your\s+message\s+(?:could\s+not|couldn't|to\s.{1,80}could|was\s+not|has\s+been\s+(?:blocked|rejected))
            | permanent\s+(?:delivery\s+)?(?:error|failure)
      | (?:message|courriel|courrier|e-?mail)\s+(?:non\s+(?:remis|distribu\w+|délivr\w+)
          |impossible\s+à\s+remettre|retourné|rejeté)
      | (?:échec|echec|erreur|retard)\s+(?:de\s+(?:la\s+)?|d['’])?(?:remise|livraison|distribution|acheminement
          |envoi|transmission)
      | notification\s+(?:d['’]état\s+de\s+remise|de\s+(?:non[-\s]remise|l['’]état)|d['’](?:échec|état))
            | avis\s+de\s+non[-\s](?:remise|distribution)
      | rapport\s+de\s+(?:non[-\s])?remise | impossible\s+de\s+remettre
            | retour\s+(?:de|à\s+l['’])\s?(?:courrier|expéditeur|message)
      | unzustellbar | nicht\s+zustellbar | zustell(?:fehler|ung)
            | benachrichtigung\s+(?:zum|über)\s+(?:den\s+)?zustell | fehlgeschlagen | mancato\s+recapito
                  | onbestelbaar
      | mensaje\s+no\s+entregado | no\s+se\s+puede\s+entregar | notificação\s+de\s+status | mail\s+system\s+error
            | rejected\s+(?:mail|message) | (?:nd|ndr)\b:
      | 投递失败 | 系统退信 | 退信 | 配信.{0,8}(?:エラー|不能|失敗) | returning\s+(?:mail|message)
      | message\s+status\s+-\s+undeliver
            | dsn:\s
      | mdaemon\s+(?:warning|notification) | postmaster\s+notify | nondeliverable | user\s+unknown
            | unable\s+to\s+deliver | there\s+was\s+an\s+error\s+sending
      | недоставленное | сообщение\s+не\s+доставлено
    )"""
)
DAEMON = re.compile(
    r"(?i)^[\W]*(?:[\w.+-]*mailer-?daemon|mail-daemon|post_?master|mdaemon|"
    r"mail[\s._-]?delivery[\s._-]?(?:sub)?system|bounces?(?:[+-][^@]*)?|"
    r"microsoftexchange[0-9a-f]{16,}|mailerdaemon|double-bounce|maildaemon|delivery[\s._-]?(?:failure|status|"
    r"notification)s?\b|mmdf|"
    r"mail[\s._-]?system|mail\s+administrator|system\s?administrator|administrateur\s+système|"
    r"système\s+de\s+messagerie|internet\s+mail\s+delivery)(?:@|\b)"
)
AUTO_HEADERS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-autogenerated",
    "x-vacation",
    "x-mail-autoreply",
    "x-autoreply-from",
    "x-ham-autoresponder",
    "x-bluebottle-request",
    "x-mdn-reply",
)
LIST_HEADERS = (
    "list-id",
    "list-post",
    "list-help",
    "list-unsubscribe",
    "list-subscribe",
    "list-archive",
    "mailing-list",
)
