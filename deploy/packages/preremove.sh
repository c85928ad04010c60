#!/bin/sh
# Before the files go: dpkg says "remove", rpm that no version is left. Not before an
# upgrade, through which the old program serves.
set -e
case $1 in remove | 0) ;; *) exit 0 ;; esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now wxproxy.socket wxproxy-push.socket wxproxy.service || true
elif command -v systemctl >/dev/null; then
	systemctl disable wxproxy.socket wxproxy-push.socket wxproxy.service || true
fi
