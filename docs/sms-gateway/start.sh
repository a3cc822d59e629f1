#!/bin/sh
# Écrit kannel.conf d'après l'environnement, démarre bearerbox et smsbox, et s'arrête quand l'un des deux s'arrête.
set -eu
: "${HOTLINE_SMS_SECRET:?est vide : 32 caractères au hasard, les mêmes que pour la hotline}"
: "${KANNEL_PASSWORD:?est vide : choisissez un mot de passe dans .env}"
run=${KANNEL_RUN:-/run/kannel} spool=${KANNEL_SPOOL:-/var/spool/kannel} listen=${KANNEL_LISTEN:-0.0.0.0}
callback=${HOTLINE_SMS_KANNEL_CALLBACK:-http://hotline:8000}
mkdir -p "$run" "$spool/reports"
umask 077
if [ -n "${SMPP_HOST:-}" ]; then
  smsc="smsc = smpp
host = $SMPP_HOST
port = ${SMPP_PORT:-2775}
transceiver-mode = true
smsc-username = ${SMPP_USER:-}
smsc-password = ${SMPP_PASSWORD:-}
system-type = \"${SMPP_SYSTEM_TYPE:-}\"
source-addr-ton = ${SMPP_SOURCE_TON:-1}
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1
throughput = ${SMPP_PER_SECOND:-10}
reconnect-delay = 5"
else # sans opérateur : un faux, pour essayer avec fakesmsc
  smsc="smsc = fake
port = 10000
connect-allow-ip = 127.0.0.1"
fi
# http-request-retry : au dernier essai Kannel oublie le SMS reçu ; %b garde le texte exact.
# log-level 4 et -v 4 : plus bas, Kannel écrit les numéros et les textes dans son journal.
cat > "$run/kannel.conf" <<EOF
group = core
admin-port = ${KANNEL_ADMIN_PORT:-13000}
admin-password = $KANNEL_PASSWORD
admin-interface = 127.0.0.1
smsbox-port = ${KANNEL_BOX_PORT:-13001}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-file = /dev/null
log-level = 4
store-type = file
store-location = $spool/store
dlr-storage = spool
dlr-spool = $spool/reports
sms-combine-concatenated-mo = true
sms-combine-concatenated-mo-timeout = 60

group = smsc
smsc-id = operateur
$smsc

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = ${KANNEL_PORT:-13013}
sendsms-interface = $listen
log-file = /dev/null
log-level = 4
mo-recode = true
http-request-retry = 1000000
http-queue-delay = 10

group = sendsms-user
username = hotline
password = "$KANNEL_PASSWORD"
max-messages = 3
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
get-url = "$callback/sms/$HOTLINE_SMS_SECRET/recu?id=%I&from=%p&to=%P&at=%T&header=%u&text=%b"
EOF
bearer="" sms=""
alive() { kill -0 $bearer 2>/dev/null || kill -0 $sms 2>/dev/null; }
stop() { # dix secondes pour ranger ce qui attend
  trap - TERM INT
  kill $sms $bearer 2>/dev/null || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do alive || break; sleep 1; done
  kill -9 $sms $bearer 2>/dev/null || true
  exit "$1"
}
trap 'stop 0' TERM INT
bearerbox -v 4 "$run/kannel.conf" & bearer=$!
sleep 1 # smsbox renonce si bearerbox n'écoute pas encore
smsbox -v 4 "$run/kannel.conf" & sms=$!
while kill -0 $bearer 2>/dev/null && kill -0 $sms 2>/dev/null; do sleep 1; done
stop 1
