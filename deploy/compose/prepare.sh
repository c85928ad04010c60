#!/bin/sh
# 中文说明：docs/deployment.zh-CN.md 的“compose”一节
# Makes what compose.yaml reads and Git must not have: secrets/, data/ and .env.
# Asks for the AppSecret and shows nothing of it; the rest is random. What is there
# already stays as it is; in .env only the password of Redis follows its file.
#
# Docker mounts such files with the owner and mode they have here. So the containers
# run as whoever ran this script, or as 65532 if that was root.
set -eu
umask 077
cd "$(dirname "$0")"

owner=$(id -u):$(id -g)
[ "${owner%%:*}" != 0 ] || owner=65532:65532

random() {
	od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

mkdir -p secrets data
if [ ! -s secrets/shop_secret ]; then
	if [ -t 0 ]; then
		trap 'stty echo' EXIT
		trap 'exit 1' HUP INT TERM
		stty -echo
	fi
	printf 'AppSecret of the account: ' >&2
	read -r secret || :
	if [ -t 0 ]; then
		stty echo
		trap - EXIT HUP INT TERM
		echo >&2
	fi
	if [ -z "$secret" ]; then
		echo 'There is no AppSecret: nothing is prepared.' >&2
		exit 1
	fi
	printf '%s' "$secret" >secrets/shop_secret
fi
[ -s secrets/caller_key ] || random >secrets/caller_key
[ -s secrets/redis_password ] || random >secrets/redis_password
[ -s secrets/token_key ] || head -c 32 /dev/urandom | base64 >secrets/token_key
kept=$(grep -sv '^REDIS_PASSWORD=' .env || :)
case $kept in
*WXPROXY_USER=*) ;;
*) kept="WXPROXY_USER=$owner${kept:+
$kept}" ;;
esac
cat >.env <<EOF
$kept
REDIS_PASSWORD=$(cat secrets/redis_password)
EOF

chmod o-r config.toml
if [ "$(id -u)" = 0 ]; then
	chown -R "$owner" config.toml secrets data
fi
echo 'Put your AppID into config.toml, then: docker compose up --build' >&2
