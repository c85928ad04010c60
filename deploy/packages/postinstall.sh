#!/bin/bash
# After the files of an installation or an upgrade: dpkg says "configure", rpm how many
# versions there are now. A service that runs goes on with the new program, and systemd
# holds its sockets meanwhile; one that does not run is not started, as it has no account
# yet, or somebody has stopped it.
set -e
case $1 in configure | [1-9]*) ;; *) exit 0 ;; esac

# as_it_runs COMMAND... runs wxproxy with the variables of process $pid, which stand in
# no argument on the way, and with what follows `serve` there.
as_it_runs() (
	while IFS= read -r -d '' variable; do
		export "${variable?}"
	done <"/proc/$pid/environ" 2>/dev/null
	mapfile -d '' -t began <"/proc/$pid/cmdline"
	began=("${began[@]:1}")
	[ "${began[0]-}" != serve ] || began=("${began[@]:1}")
	cd / && exec /usr/bin/wxproxy "$@" "${began[@]}"
)

# restart has the new program serve, unless it refuses the configuration: then the old
# one, which is still in memory, goes on.
restart() {
	local said
	if ! said=$(as_it_runs check 2>&1 >/dev/null); then
		printf '%s\n' "$said" >&2
		echo 'wxproxy: the new version refuses this configuration, so the old one goes on; mend it, then: systemctl restart wxproxy' >&2
	elif ! systemctl try-restart wxproxy.service; then
		echo 'wxproxy: the new version did not start; see: systemctl status wxproxy' >&2
	fi
}

pid=
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	pid=$(systemctl show --property=MainPID --value wxproxy.service) || true
fi
if [ "${pid:-0}" -gt 0 ]; then
	restart
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
