#!/bin/sh
# Makes TO.deb and TO.rpm, for the architecture ARCH, of what FOLDER holds, which is an
# archive of a release: deploy/release.sh calls it.
#
#   pack.sh FOLDER VERSION ARCH TO
set -eu
cd "$(dirname "$0")"
folder=$1 to=$4 tools=$PWD/../tools
# dpkg and rpm take what follows a ~ for older than what it follows: a release is newer than
# what came before it, and than what was built of it with changes (+dirty).
VERSION=$(printf %s "$2" | sed -e 's/^v//' -e 's/[-+]/~/' -e 's/+/~/g' -e 's/-/./g')
export VERSION ARCH="$3" SOURCE_DATE_EPOCH

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp -R . "$folder/../completions" "$stage/"
cp -R "$folder" "$stage/archive"

# The units without the lines that say how to install them, and with the program where
# the package has it.
mkdir "$stage/units" "$stage/doc"
for unit in ../systemd/*; do
	sed -e '/^# *install /d' -e '/^# *useradd /d' -e 's/^#   systemctl daemon-reload && /#   /' \
		-e 's|/usr/local/bin/|/usr/bin/|' "$unit" >"$stage/units/${unit##*/}"
done
cp -R "$folder/." "$stage/doc/"
rm -r "$stage/doc/wxproxy" "$stage/doc/deploy/systemd"
chmod 644 "$stage/units"/* "$stage/config.toml"
TZ=UTC find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

nfpm=$(cd "$tools" && go tool -n nfpm)
cd "$stage"
for packager in deb rpm; do
	"$nfpm" package --config nfpm.yaml --packager "$packager" --target "$to.$packager" >/dev/null
done
