#!/bin/sh
# After the files are gone. Configuration, secrets, tokens, refresh tokens and pushes that
# wait stay, until `apt purge` (dpkg says "purge"), which takes them all; rpm has no such.
set -e
case $1 in
purge) rm -rf /etc/wxproxy /var/lib/wxproxy ;;
remove | 0) ;;
*) exit 0 ;;
esac
[ ! -d /run/systemd/system ] || systemctl daemon-reload || true
