#!/bin/sh
# After the files of an installation or an upgrade: dpkg says "configure", rpm how many
# versions there are now, and runs this with /bin/sh whatever the first line says. What
# does not run is not started: it has no account yet, or somebody has stopped it.
set -e
case $1 in configure | [1-9]*) ;; *) exit 0 ;; esac

# An installation by hand may have made the folder of the secrets open to everybody, and
# dpkg leaves a folder that is there as it is.
dir=/etc/wxproxy
if [ -d "$dir" ] && [ ! -L "$dir" ] && [ "$(stat -c %u "$dir")" = 0 ] && ! dpkg-statoverride --list "$dir" >/dev/null 2>&1; then
	case $(stat -c %a "$dir") in *[!0] | *[2367]?)
		chgrp wxproxy "$dir" && chmod 750 "$dir"
		echo "wxproxy: $dir was open to others; only root and the group wxproxy enter it now (dpkg-statoverride keeps another mode)" ;;
	esac
fi

pid=
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	pid=$(systemctl show --property=MainPID --value wxproxy.service) || true
fi
if [ "${pid:-0}" -gt 0 ]; then
	/usr/lib/wxproxy/restart-upgraded "$pid"
elif ! systemctl is-enabled --quiet wxproxy.service 2>/dev/null; then
	cat <<-'TEXT'
		wxproxy is installed and not started: /etc/wxproxy/config.toml says what to write there first.
		wxproxy 已安装，尚未启动：请先按 /etc/wxproxy/config.toml 开头的说明填写。
		  wxproxy check -config /etc/wxproxy/config.toml -live
		  systemctl enable --now wxproxy.socket wxproxy.service
	TEXT
fi
if [ -f /etc/systemd/system/wxproxy.service ]; then
	echo 'wxproxy: /etc/systemd/system/wxproxy.service counts in the place of the unit of this package; remove it unless that is what you want' >&2
fi
