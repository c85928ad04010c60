#!/bin/sh
# Makes the archives of a release in $DIST (dist/ unless set), for TARGET..., each
# an OS/ARCH; for all if none is named. The same commit and the same Go make the
# same bytes, wherever and whenever that is: `make release`, and compare SHA256SUMS.
set -eu
cd "$(dirname "$0")/.."
umask 022
unset GOFLAGS GOEXPERIMENT GOAMD64 GOARM64 GOFIPS140 # they change what is built

dist=${DIST:-dist}
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
mkdir -p "$dist"
dist=$(cd "$dist" && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# Every file is as old as the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
modified() { TZ=UTC find "$stage/$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

for target; do
	os=${target%/*} arch=${target#*/} program=wxproxy
	[ "$os" != windows ] || program=wxproxy.exe
	# -buildvcs has Go note the tag and the commit, which `wxproxy version` prints.
	CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -buildvcs=true -tags=nethttpomithttp2 -trimpath -ldflags='-s -w -buildid=' -o "$stage/program" .
	version=$(go version -m "$stage/program" | awk '$1 == "mod" { print $3 }')
	case $version in v*) ;; *)
		echo "release.sh: Go finds no version; run it in a clone, which a worktree of git is not" >&2
		exit 1 ;;
	esac

	name=wxproxy_${version}_${os}_$arch
	install -d -m 755 "$stage/$name"
	install -m 755 "$stage/program" "$stage/$name/$program"
	install -m 644 README.md README.zh-CN.md CHANGELOG.md config.toml config.zh-CN.toml LICENSE NOTICES "$stage/$name/"
	if [ "$os" = linux ]; then
		install -d -m 755 "$stage/$name/deploy/systemd"
		install -m 644 deploy/systemd/* "$stage/$name/deploy/systemd/"
	fi
	modified "$name"
	rm -f "$dist/$name".*
	if [ "$os" = windows ]; then
		(cd "$stage" && find "$name" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -9 -@ "$dist/$name.zip")
	else
		LC_ALL=C tar -C "$stage" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" |
			gzip -n -9 >"$dist/$name.tar.gz"
	fi
	(cd "$dist" && ls "$name".*)
done
(cd "$dist" && LC_ALL=C sha256sum wxproxy_"$version"_*.* >SHA256SUMS)
