#!/bin/sh
# Makes the release TAG at Gitee and attaches FILE... to it, of which SHA256SUMS has to be
# one: only what it names, and as it names it, is attached.
#
#   RELEASE_REPO=owner/name RELEASE_TOKEN=... gitee-release.sh TAG FILE...
set -eu
[ $# -gt 1 ] || { echo "usage: gitee-release.sh TAG FILE..." >&2; exit 2; }
tag=$1
shift
api=${RELEASE_API:-https://gitee.com/api/v5}/repos/${RELEASE_REPO:?is not set: owner/name}/releases
: "${RELEASE_TOKEN:?is not set: a private token of Gitee}"

for file; do
	case $file in */SHA256SUMS) (cd "${file%/*}" && sha256sum --quiet -c SHA256SUMS); sums=$file ;; esac
done
: "${sums:?is not set: SHA256SUMS is none of the files}"

# ask [OPTION...] calls Gitee. The token stands in no argument, which others could read.
ask() { printf 'header = "Authorization: token %s"\n' "$RELEASE_TOKEN" | curl -sS --fail-with-body --max-time 600 -K - "$@"; }

id=$(ask --data-urlencode "tag_name=$tag" --data-urlencode "name=wxproxy $tag" --data-urlencode "target_commitish=$tag" \
	--data-urlencode "body=See CHANGELOG.md. 见 CHANGELOG.md。" "$api" | sed -n 's/^{"id":\([0-9]*\),.*/\1/p')
[ -n "$id" ] || { echo "gitee-release.sh: Gitee's answer has no id" >&2; exit 1; }
for file; do
	[ "$file" = "$sums" ] || grep -q "  ${file##*/}\$" "$sums" || { echo "gitee-release.sh: SHA256SUMS does not name $file" >&2; exit 1; }
	ask -o /dev/null -F "file=@$file" "$api/$id/attach_files"
	echo "$file"
done
