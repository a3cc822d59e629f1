"""What an update from Telegram says: a message to keep, files to fetch, a button to answer; or nothing; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from telegram import (
    CallbackQuery,
    Chat,
    Message,
    MessageEntity,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    Update,
    User,
)

from channels.contract import Address, Inbound

ALLOWED = ("message", "edited_message", "callback_query", "message_reaction")
GROUPS = ("group", "supergroup")
ANONYMOUS_ADMIN = 1087968824  # « GroupAnonymousBot »: an administrator who writes in the group's name
CHOICE_LASTS = timedelta(minutes=30)  # a number pressed later would answer another question
SAID_WITH = frozenset("👍👎🙏👌❤")  # reactions that answer something
EDITED, FORWARDED = "message modifié", "message transféré"
NOT_YOURS = "Ces boutons sont pour la personne qui a posé la question."
PLAIN = {  # the message's own fields, and those that come with others
    "message_id", "message_thread_id", "from", "sender_chat", "sender_boost_count", "sender_business_bot",
    "sender_tag", "date", "chat", "forward_origin", "is_topic_message", "is_automatic_forward", "reply_to_message",
    "external_reply", "quote", "reply_to_story", "reply_to_checklist_task_id", "via_bot", "edit_date",
    "has_protected_content", "is_from_offline", "media_group_id", "author_signature", "entities", "caption_entities",
    "link_preview_options", "effect_id", "show_caption_above_media", "has_media_spoiler", "reply_markup",
    "paid_star_count", "is_paid_post", "direct_messages_topic",
}  # fmt: skip
SPOKEN = {  # what a person sends that we cannot read, but that says something
    "story": "(story partagée)",
    "checklist": "(liste partagée)",
    "game": "(jeu partagé)",
    "invoice": "(facture partagée)",
    "paid_media": "(contenu payant partagé)",
    "rich_message": "(message mis en page, que je ne sais pas lire)",
}


@dataclass(frozen=True)
class Me:
    """Our bot, as Telegram knows it."""

    id: int
    username: str


@dataclass(frozen=True)
class Wanted:
    """A file that came with a message and is still at Telegram's; `size` in bytes, 0 if it did not say."""

    file_id: str = field(repr=False)
    filename: str
    content_type: str
    size: int


@dataclass(frozen=True)
class Pressed:
    """A button that somebody pressed: it turns until it is answered."""

    id: str
    chat: int
    message_id: int
    say: str = ""  # shown to whoever pressed it


@dataclass(frozen=True)
class Heard:
    """What one update holds for us."""

    inbound: Inbound | None = None
    files: tuple[Wanted, ...] = ()
    pressed: Pressed | None = None


NOTHING = Heard()


def handle_of(chat: Chat, user: User | None) -> str:
    """A private chat is its number; in a group each person is somebody of their own: « group/person »."""
    return str(chat.id) if chat.type == Chat.PRIVATE else f"{chat.id}/{user.id if user else 0}"


def place_of(handle: str) -> int:
    """The chat that a handle is written to; ValueError if it is none of ours."""
    return int(handle.partition("/")[0])


def read(raw: Mapping[str, Any], me: Me, now: datetime, last_sent: Mapping[int, int]) -> Heard:
    """What an update says; NOTHING if it is not meant for us. `last_sent`: our newest message in a chat, if known.

    Raises whatever PTB raises when the update is not as documented: see `rescued`.
    """
    update = Update.de_json(dict(raw), None)
    if update is None:
        return NOTHING
    if update.callback_query:
        return _button(update.callback_query, update.update_id, me, now, last_sent)
    if update.message_reaction:
        return _reaction(update.message_reaction, update.update_id, me, last_sent)
    message = update.message or update.edited_message
    if message is None:
        return NOTHING
    return _message(message, update.update_id, me, edited=update.edited_message is not None)


def _message(message: Message, update_id: int, me: Me, *, edited: bool) -> Heard:
    user = message.from_user
    if user is not None and user.is_bot and user.id != ANONYMOUS_ADMIN:
        return NOTHING
    if edited and message.location:  # someone walks about with a live position
        return NOTHING
    text = message.text or message.caption or ""
    token = ""
    if message.chat.type in GROUPS:
        if not _is_for_us(message, me):
            return NOTHING
        text = _without_our_name(message, text, me)
    elif message.chat.type != Chat.PRIVATE:
        return NOTHING
    text, token = _command(text)
    files = _files(message)
    if not text and not files:
        text = _wordless(message)
    if not text and not files:
        return NOTHING
    warnings = ((EDITED,) if edited else ()) + ((FORWARDED,) if message.forward_origin else ())
    inbound = Inbound(
        str(update_id),
        Address("telegram", handle_of(message.chat, user)),
        text,
        (message.edit_date if edited else None) or message.date,
        account=str(me.id),
        token=token,
        thread=_thread(message),
        about=_about(message, me),
        warnings=warnings,
    )
    return Heard(inbound, files)


def _thread(message: Message) -> str:
    """In a group the answer stands under the question, in its topic; in private it needs nothing."""
    if message.chat.type == Chat.PRIVATE:
        return ""
    topic = message.message_thread_id if message.is_topic_message else None
    return f"{message.message_id}/{topic}" if topic else str(message.message_id)


def _about(message: Message, me: Me) -> str:
    replied = message.reply_to_message
    return str(replied.message_id) if replied and replied.from_user and replied.from_user.id == me.id else ""


def _is_for_us(message: Message, me: Me) -> bool:
    """Addressed in a group: we are named, a command names us, or it replies to us."""
    replied = message.reply_to_message
    if replied and replied.from_user and replied.from_user.id == me.id and not replied.forum_topic_created:
        return True
    for entity, words in _entities(message).items():
        if entity.type == MessageEntity.TEXT_MENTION and entity.user and entity.user.id == me.id:
            return True
        if entity.type == MessageEntity.MENTION and words.lower() == f"@{me.username}".lower():
            return True
        if entity.type == MessageEntity.BOT_COMMAND and words.lower().endswith(f"@{me.username}".lower()):
            return True
    return False


def _entities(message: Message) -> dict[MessageEntity, str]:
    if message.text:
        return message.parse_entities()
    return message.parse_caption_entities() if message.caption else {}


def _without_our_name(message: Message, text: str, me: Me) -> str:
    for entity, words in _entities(message).items():
        if entity.type == MessageEntity.TEXT_MENTION and entity.user and entity.user.id == me.id:
            text = text.replace(words, " ", 1)
    named = re.sub(rf"(?i)(^|[^\w@/])@{re.escape(me.username)}\b", r"\1", text)
    return re.sub(r"[ \t]+", " ", named).strip(" ,:\t\n")


def _command(text: str) -> tuple[str, str]:
    """« /aide@notre_robot » is « aide »; what follows « /start » is a token, as our links carry it."""
    found = re.match(r"/(\w+)(?:@\w+)?(?:\s+|$)", text)
    if not found:
        return text, ""
    word, rest = found[1], text[found.end() :].strip()
    if word.lower() == "start":
        return "start", rest if re.fullmatch(r"[\w-]{1,64}", rest) else ""
    return f"{word} {rest}".strip(), ""


def _files(message: Message) -> tuple[Wanted, ...]:
    """The file of a message: Telegram sends one a message, an album being several messages."""
    if message.photo:
        best = max(message.photo, key=lambda size: size.width * size.height)
        return (Wanted(best.file_id, f"photo-{message.message_id}.jpg", "image/jpeg", best.file_size or 0),)
    n = message.message_id
    for file, name, kind in (
        (message.voice, f"message-vocal-{n}.ogg", "audio/ogg"),
        (message.video_note, f"message-video-{n}.mp4", "video/mp4"),
        (message.animation, f"animation-{n}.mp4", "video/mp4"),
        (message.video, f"video-{n}.mp4", "video/mp4"),
        (message.audio, f"audio-{n}.mp3", "audio/mpeg"),
        (message.document, f"document-{n}", "application/octet-stream"),
    ):
        if file is not None:
            own = getattr(file, "file_name", None) or name
            mime = getattr(file, "mime_type", None) or kind
            return (Wanted(file.file_id, re.sub(r"[\\/\x00-\x1f]", "_", own)[:200], mime, file.file_size or 0),)
    return ()


def _wordless(message: Message) -> str:
    """Words for what was sent without any, empty where nothing was said (someone joined, a pinned message, …)."""
    if message.venue:
        return f"(lieu partagé : {message.venue.title}, {message.venue.address})"
    if message.location:
        return f"(position partagée : {message.location.latitude:.5f}, {message.location.longitude:.5f})"
    if message.contact:
        name = " ".join(filter(None, (message.contact.first_name, message.contact.last_name)))
        return f"(contact partagé : {name}, {message.contact.phone_number})"
    if message.sticker:
        return message.sticker.emoji or "🙂"
    if message.dice:
        return message.dice.emoji
    if message.poll:
        return f"(sondage partagé) {message.poll.question}"
    return next((words for field_, words in SPOKEN.items() if field_ in message.to_dict()), "")


def _button(query: CallbackQuery, update_id: int, me: Me, now: datetime, last_sent: Mapping[int, int]) -> Heard:
    """The number behind a button; its words instead, once that number could answer another question."""
    message = query.message
    if message is None or not query.data:
        return Heard(pressed=Pressed(query.id, 0, 0))
    pressed = Pressed(query.id, message.chat.id, message.message_id)
    text = query.data
    if isinstance(message, Message):
        asked = message.reply_to_message
        if asked and asked.from_user and not asked.from_user.is_bot and asked.from_user.id != query.from_user.id:
            return Heard(pressed=Pressed(query.id, message.chat.id, message.message_id, NOT_YOURS))
        newest = last_sent.get(message.chat.id, message.message_id)
        if now - message.date > CHOICE_LASTS or newest != message.message_id:
            text = _label(message, query.data) or text
    inbound = Inbound(
        str(update_id),
        Address("telegram", handle_of(message.chat, query.from_user)),
        text,
        now,
        account=str(me.id),
        thread=_thread(message) if isinstance(message, Message) else "",
    )
    return Heard(inbound, pressed=pressed)


def _label(message: Message, data: str) -> str:
    buttons = [
        button for row in (message.reply_markup.inline_keyboard if message.reply_markup else ()) for button in row
    ]
    for button in buttons:
        if button.callback_data == data:
            words = re.sub(r"^\d+\.\s*", "", button.text)
            return words.rpartition(" : ")[2] if button is buttons[-1] else words  # « Autre chose : parler à … »
    return ""


def _reaction(reaction: MessageReactionUpdated, update_id: int, me: Me, last_sent: Mapping[int, int]) -> Heard:
    """A thumb on what we said last, in private, says what it says; any other reaction asks for nothing."""
    added = [each for each in reaction.new_reaction if each not in reaction.old_reaction]
    emoji = next((each.emoji for each in added if isinstance(each, ReactionTypeEmoji)), "").rstrip("\ufe0f")
    is_last = last_sent.get(reaction.chat.id, reaction.message_id) == reaction.message_id
    if reaction.chat.type != Chat.PRIVATE or emoji not in SAID_WITH or not is_last:
        return NOTHING
    address = Address("telegram", handle_of(reaction.chat, reaction.user))
    return Heard(Inbound(str(update_id), address, emoji, reaction.date, account=str(me.id)))


def rescued(raw: Mapping[str, Any], me: Me, now: datetime) -> Inbound | None:
    """An update that cannot be read as documented, for the officer to sort; None where no private sender shows."""
    inner = next((raw[name] for name in ALLOWED if isinstance(raw.get(name), Mapping)), None)
    if inner is None:
        return None
    message = inner.get("message") if isinstance(inner.get("message"), Mapping) else inner
    chat = message.get("chat") if isinstance(message, Mapping) else None
    if not isinstance(chat, Mapping) or chat.get("type") != "private" or not isinstance(chat.get("id"), int):
        return None
    text = next((str(message[name]) for name in ("text", "caption") if message.get(name)), "")
    return Inbound(
        str(raw.get("update_id")),
        Address("telegram", str(chat["id"])),
        text or "(message que je n'ai pas pu lire)",
        now,
        account=str(me.id),
        nature="unsure",
        warnings=("Telegram a envoyé ce message sous une forme inconnue",),
    )
