#!/usr/bin/env bash
# Installs the servers that the tests talk to: Postfix, Dovecot, Kannel, PostgreSQL, Chromium, and an OpenID Connect
# provider (npm, in a cache folder outside the repository). Needs root and apt; says so otherwise.
set -eu
missing=()
[ -x /usr/sbin/dovecot ] && [ -x /usr/lib/dovecot/imap ] && [ -x /usr/lib/dovecot/lmtp ] || missing+=(dovecot-imapd dovecot-lmtpd)
[ -x /usr/sbin/postfix ] || missing+=(postfix)
[ -x /usr/sbin/bearerbox ] && [ -x /usr/sbin/smsbox ] || missing+=(kannel)
[ -x /usr/bin/chromium ] || missing+=(chromium)
ls /usr/share/fonts/*/* >/dev/null 2>&1 || missing+=(fonts-dejavu-core) # a page without letters proves nothing
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
command -v openssl >/dev/null || missing+=(openssl)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)

# What sits between us and officers who sign in with ProConnect: a provider of npm's, no lock file, no registry named.
provider() {
  local folder="${XDG_CACHE_HOME:-$HOME/.cache}/hotline-peers" version=8.8.1
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' && version=9.13.3
  [ -d "$folder/node_modules/oidc-provider" ] && return 0
  mkdir -p "$folder"
  echo '{"name":"hotline-peers","private":true,"type":"module"}' >"$folder/package.json"
  npm install --prefix "$folder" --no-package-lock --no-audit --no-fund --silent "oidc-provider@$version" && return 0
  echo "oidc-provider ne s'installe pas." >&2
  [ -z "${CI:-}" ]
}
[ "${#missing[@]}" -gt 0 ] || { provider; exit; }
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Serveurs absents : ${missing[*]}. Les tests qui en ont besoin sont sautés (les installer demande root et apt)." >&2
  [ -z "${CI:-}" ] || exit 1
  exit 0
fi

echo "Installation des serveurs pour les tests (une fois) : ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
clean() { rm -f "$log"; [ -z "${made:-}" ] || rm -f "$policy"; }
trap clean EXIT
if [ ! -e "$policy" ]; then # the tests start servers of their own: the machine's need not run
  made=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
install() {
  apt-get update -qq
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
install >"$log" 2>&1 || { cat "$log" >&2; echo "L'installation a échoué." >&2; exit 1; }
provider
