#!/bin/sh
# Makes the archives of a release in $DIST (dist/ unless set), for TARGET..., each
# an OS/ARCH; for all if none is named; for Linux also packages, and for each the list of
# what is compiled in (SBOM). The same commit and the same Go make the same bytes,
# wherever and whenever that is: `make release`, and compare SHA256SUMS.
set -eu
cd "$(dirname "$0")/.."
umask 022
unset GOFLAGS GOEXPERIMENT GOAMD64 GOARM64 GOFIPS140 GOOS GOARCH # they change what is built

dist=${DIST:-dist}
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
case " $* " in *" windows/"*)
	command -v zip >/dev/null || { echo 'release.sh: zip is missing, which packs the archives for Windows; install it' >&2 && exit 1; } ;;
esac
case $(tar --version 2>&1) in *'GNU tar'*) ;; *) echo 'release.sh: tar is not GNU tar, which alone makes the same bytes each time; install it' >&2 && exit 1 ;; esac
if [ -n "$(git status --porcelain)" ]; then
	echo 'release.sh: files are changed, or new, and not committed: this is no release, and its version says +dirty' >&2
elif ! git describe --tags --exact-match >/dev/null 2>&1; then
	echo 'release.sh: this commit has no tag (git tag v1.2.3): this is no release, and its version is made of the time and the commit' >&2
fi
mkdir -p "$dist"
dist=$(cd "$dist" && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# Every file is as old as the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
modified() { TZ=UTC find "$stage/$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

packed() { LC_ALL=C tar -C "$1" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -cf - "$2" | gzip -n -9; }

# from_git TO PATH... copies what Git has: beside that users keep secrets.
from_git() {
	to=$1
	shift
	git ls-files -z -- "$@" | tar --null --files-from=- --mode=u=rwX,go=rX -cf - | tar -C "$to" -xf -
}

# What the archives hold beside the program: what their documents lead to.
documents='README.md README.zh-CN.md CHANGELOG.md CONTRIBUTING.md LICENSE NOTICES config.toml config.zh-CN.toml Dockerfile docs
	bench/RESULTS.md bench/SIZING.md bench/PUSHES.md bench/results.svg testdata/sdk/go/silenceper.go
	deploy/compose deploy/grafana deploy/helm deploy/kubernetes deploy/prometheus deploy/systemd'

# -buildvcs has Go note the tag and the commit, which `wxproxy version` prints.
build() { CGO_ENABLED=0 go build -buildvcs=true -tags=nethttpomithttp2 -trimpath -ldflags='-s -w -buildid=' -o "$1" .; }
build "$stage/here" # which runs on this machine, and says what shells complete
mkdir "$stage/completions"
for shell in bash zsh fish; do "$stage/here" completion $shell >"$stage/completions/$shell"; done
(cd deploy/tools && go build -trimpath -o "$stage/sbom" ./sbom)

for target; do
	os=${target%/*} arch=${target#*/} program=wxproxy
	[ "$os" != windows ] || program=wxproxy.exe
	if [ "$target" = "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" ]; then
		cp "$stage/here" "$stage/program"
	else
		(export GOOS="$os" GOARCH="$arch" && build "$stage/program")
	fi
	version=$(go version -m "$stage/program" | awk '$1 == "mod" { print $3 }')
	case $version in v*) ;; *)
		echo "release.sh: Go finds no version; run it in a clone, which a worktree of git is not" >&2
		exit 1 ;;
	esac

	name=wxproxy_${version}_${os}_$arch
	install -d -m 755 "$stage/$name"
	install -m 755 "$stage/program" "$stage/$name/$program"
	# shellcheck disable=SC2086 # they are many
	from_git "$stage/$name" $documents
	modified "$name"
	rm -f "$dist/$name".*
	if [ "$os" = windows ]; then
		(cd "$stage" && find "$name" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -9 -@ "$dist/$name.zip")
	else
		packed "$stage" "$name" >"$dist/$name.tar.gz"
	fi
	"$stage/sbom" "$stage/program" >"$dist/$name.cdx.json"
	[ "$os" != linux ] || deploy/packages/pack.sh "$stage/$name" "$version" "$arch" "$dist/$name"
	(cd "$dist" && ls "$name".*)
done

# The chart, as `helm package` makes it, with the version of the release. Its appVersion is
# the tag of an image, which has no +.
from_git "$stage" deploy/helm/wxproxy
sed -i -e "s/^version: .*/version: ${version#v}/" -e "s/^appVersion: .*/appVersion: \"$(printf %s "${version#v}" | tr + -)\"/" "$stage/deploy/helm/wxproxy/Chart.yaml"
modified deploy
packed "$stage/deploy/helm" wxproxy >"$dist/wxproxy_${version}_helm.tgz"
(cd "$dist" && LC_ALL=C sha256sum wxproxy_*.* >SHA256SUMS)
