#!/bin/sh
# Makes the user before the files, of which some are his. dpkg and rpm run it before
# they install or upgrade; a user who is there stays as he is.
set -e
getent group wxproxy >/dev/null || groupadd --system wxproxy
getent passwd wxproxy >/dev/null ||
	useradd --system --gid wxproxy --no-create-home --home-dir /var/lib/wxproxy \
		--shell /usr/sbin/nologin --comment wxproxy wxproxy
