#!/bin/sh
# Démarre le serveur de courrier d'essai : un certificat à lui, trois boîtes, rien qui sorte.
set -eu
[ -n "$MAIL_PASSWORD" ] || { echo "MAIL_PASSWORD est vide : choisissez un mot de passe dans .env" >&2; exit 1; }
cd /certificates
# fait une fois : la clé reste à root, le certificat est ce que HOTLINE_EMAIL_CAFILE désigne
[ -s mail.key ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
  -subj /CN=mail -addext subjectAltName=DNS:mail,DNS:localhost,IP:127.0.0.1 -keyout mail.key -out mail.pem
chmod 600 mail.key; chmod 644 mail.pem
chown mail:mail /var/mail
mkdir -p /run/dovecot; umask 077
for name in hotline equipe habitante; do echo "$name@exemple.test:{PLAIN}$MAIL_PASSWORD"; done > /run/dovecot/users
chown dovecot /run/dovecot/users
umask 022
postfix check
dovecot
exec postfix start-fg
