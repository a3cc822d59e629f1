"""A real Postfix and a real Dovecot with TLS, on ports of their own; nothing that they hold leaves the machine."""

import contextlib
import imaplib
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest

from tests.peers.leash import held
from tests.peers.oauth import AuthorizationServer
from tests.peers.ports import free_port

PASSWORD = "p@ss:w/rd?&é"  # every sign that must be percent-encoded
DOMAIN = "hotline.test"
FULL = f"boite.pleine@{DOMAIN}"  # takes 2,000 bytes, no more
LATER = f"plus.tard@{DOMAIN}"  # 450
NEVER = f"jamais@{DOMAIN}"  # 550
GONE = f"parti@{DOMAIN}"  # taken at first, and sent back for good (5.1.1)
DEADLINE = 30.0  # seconds; a loaded machine may need them
_numbers = count(1)
T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = DEADLINE, what: str = "") -> T:
    """Poll until the condition holds, and give what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.03)
    raise AssertionError(f"waited {seconds:g} s in vain {what}")


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@dataclass
class Mailbox:
    """One address with an empty folder, and the settings that open it."""

    server: "MailServer"
    address: str

    def settings(self, **changed: str) -> dict[str, str]:
        """HOTLINE_EMAIL_*; `changed` by the last word: imap, smtp, cafile, authserv_id."""
        server = self.server
        found = {
            "HOTLINE_EMAIL_ADDRESS": self.address,
            "HOTLINE_EMAIL_IMAP": self.url("imaps", server.ports["imaps"]) + "/INBOX",
            "HOTLINE_EMAIL_SMTP": self.url("smtp+starttls", server.ports["submission"]),
            "HOTLINE_EMAIL_CAFILE": str(server.certificate),
        }
        return found | {f"HOTLINE_EMAIL_{name.upper()}": value for name, value in changed.items()}

    def token_settings(self, **changed: str) -> dict[str, str]:
        """The settings that open it by a token of the authorization server."""
        server = self.server
        found = self.settings(
            imap=f"imaps://localhost:{server.ports['imaps']}/INBOX",
            smtp=f"smtp+starttls://localhost:{server.ports['submission']}",
        )
        given = server.oauth.settings(self.address) | {name.upper(): value for name, value in changed.items()}
        return found | {f"HOTLINE_EMAIL_{name}": value for name, value in given.items()}

    def url(self, scheme: str, port: int, password: str = PASSWORD) -> str:
        return f"{scheme}://{quote(self.address, safe='')}:{quote(password, safe='')}@localhost:{port}"

    def receive(self, raw: bytes, sender: str = "habitante@quartier.test") -> None:
        """Put a mail into the folder, as the last hop does (LMTP)."""
        with smtplib.LMTP("127.0.0.1", self.server.ports["lmtp"]) as lmtp:
            lmtp.sendmail(sender, [self.address], raw)

    @contextlib.contextmanager
    def opened(self) -> Iterator[imaplib.IMAP4]:
        """The folder as another mail program sees it."""
        client = imaplib.IMAP4("127.0.0.1", self.server.ports["imap"])
        try:
            client.authenticate("PLAIN", lambda _: f"\0{self.address}\0{PASSWORD}".encode())
            client.select("INBOX")
            yield client
        finally:
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                client.logout()

    def mails(self) -> list[bytes]:
        with self.opened() as client:
            numbers = client.search(None, "ALL")[1][0].split()
            return [client.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in numbers]  # type: ignore[index,misc]

    def flagged(self, flag: str = "KEYWORD $HotlineKept") -> int:
        with self.opened() as client:
            return len(client.search(None, *flag.split())[1][0].split())


@dataclass
class MailServer:
    folder: Path
    ports: dict[str, int]
    certificate: Path
    dovecot: subprocess.Popen[bytes] | None = field(default=None)
    oauth: AuthorizationServer = field(default_factory=AuthorizationServer)

    def mailbox(self, name: str = "") -> Mailbox:
        return Mailbox(self, f"{name or f'boite{next(_numbers)}'}@{DOMAIN}")

    def post(self, mail: EmailMessage) -> None:
        """Send a mail as the world does: by SMTP to Postfix, which hands it on to Dovecot."""
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"]) as smtp:
            smtp.send_message(mail)

    def start_dovecot(self) -> None:
        command = ["/usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf"]
        self.dovecot = held(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), self.folder
        )
        for name in ("imap", "imaps", "lmtp"):
            until(lambda name=name: _answers(self.ports[name]), what=f"for {name}")

    def stop_dovecot(self) -> None:
        if self.dovecot is not None:
            self.dovecot.send_signal(signal.SIGTERM)
            self.dovecot.wait(DEADLINE)
            self.dovecot = None


def _missing() -> str:
    if os.geteuid() != 0:
        return "Postfix needs root"
    absent = [name for name in ("dovecot", "postfix") if not Path("/usr/sbin", name).exists()]
    return f"not installed: {', '.join(absent)}" if absent else ""


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    if missing := _missing():
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with serving() as server:
        yield server


@contextlib.contextmanager
def serving() -> Iterator[MailServer]:
    """Postfix and Dovecot, until the block ends."""
    # short, and open to the servers' own users: sockets stand in it
    folder = Path(tempfile.mkdtemp(prefix="hm", dir="/tmp"))
    folder.chmod(0o755)
    names = ("imap", "imaps", "lmtp", "sasl", "smtp", "submission", "smtps")
    server = MailServer(folder, {name: free_port() for name in names}, folder / "cert.pem")
    postfix = ["/usr/sbin/postfix", "-c", str(folder / "etc")]
    master = None
    try:
        _write_certificate(folder)
        server.oauth.start()
        _write_dovecot(folder, server.ports, server.oauth.url)
        _write_postfix(folder, server.ports)
        server.start_dovecot()
        subprocess.run([*postfix, "check"], check=True, capture_output=True)
        master = held(
            subprocess.Popen([*postfix, "start-fg"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), folder
        )
        for name in ("smtp", "submission", "smtps"):
            until(lambda name=name: _answers(server.ports[name]), what=f"for {name}")
        yield server
    finally:
        if master is not None:
            subprocess.run([*postfix, "stop"], capture_output=True, check=False)
            master.wait(DEADLINE)
        server.stop_dovecot()
        server.oauth.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mailbox(mail_server: MailServer) -> Mailbox:
    return mail_server.mailbox()


def _write_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    ssl.create_default_context(cafile=str(folder / "cert.pem"))


def _write_dovecot(folder: Path, ports: dict[str, int], oauth: str) -> None:
    mail = folder / "mail"
    mail.mkdir()
    shutil.chown(mail, "nobody", "nogroup")
    (folder / "oauth2.conf").write_text(
        f"introspection_mode = post\nintrospection_url = {oauth}/introspect\n"
        "username_attribute = username\nactive_attribute = active\nactive_value = true\n"
    )
    (folder / "full").write_text(f"{FULL}:::::::userdb_quota_rule=*:bytes=2000\n")
    (folder / "dovecot.conf").write_text(f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = dovecot
default_login_user = dovenull
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_plugins = quota
plugin {{
  quota = maildir:User quota
}}
passdb {{
  driver = static
  args = password={PASSWORD}
  mechanisms = plain login
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = passwd-file
  args = {folder}/full
  default_fields = uid=nobody gid=nogroup home={mail}/%u
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={mail}/%u allow_all_users=yes
}}
first_valid_uid = 1
protocol lmtp {{
  postmaster_address = postmaster@{DOMAIN}
}}
service imap-login {{
  inet_listener imap {{
    port = {ports["imap"]}
  }}
  inet_listener imaps {{
    port = {ports["imaps"]}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {ports["lmtp"]}
  }}
}}
service auth {{
  inet_listener sasl {{
    port = {ports["sasl"]}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
""")


def _write_postfix(folder: Path, ports: dict[str, int]) -> None:
    etc, queue, data = folder / "etc", folder / "queue", folder / "data"
    for each in (etc, queue, data):
        each.mkdir()
    shutil.chown(data, "postfix", "postfix")
    (etc / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.{DOMAIN}
myorigin = {DOMAIN}
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {DOMAIN} quartier.test
virtual_transport = lmtp:inet:127.0.0.1:{ports["lmtp"]}
virtual_alias_maps = inline:{{ {{ {GONE} = parti@nulle-part.test }} }}
default_transport = error:5.1.1 nothing leaves this machine
relay_transport = error:nothing leaves this machine
disable_dns_lookups = yes
smtputf8_enable = yes
biff = no
message_size_limit = 20000000
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{ports["sasl"]}
smtpd_recipient_restrictions =
    check_recipient_access inline:{{
      {{ {LATER} = 450 4.2.1 <{LATER}>: later }},
      {{ {NEVER} = 550 5.1.1 <{NEVER}>: no }} }}
    permit_mynetworks, reject
smtpd_error_sleep_time = 0
minimal_backoff_time = 1s
queue_run_delay = 1s
""")
    options = "-o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject"
    (etc / "master.cf").write_text(f"""
127.0.0.1:{ports["smtp"]} inet n - n - - smtpd
127.0.0.1:{ports["submission"]} inet n - n - - smtpd {options} -o smtpd_tls_security_level=encrypt
127.0.0.1:{ports["smtps"]} inet n - n - - smtpd {options} -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
""")
